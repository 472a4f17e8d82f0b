"""Summaries of incidents: written once for each state, resting on alerts, without a loop, by whoever can."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from sightline.database import transaction
from sightline.errors import WriterUnavailableError
from sightline.http import as_lambda, create_app
from sightline.incidents.summaries.routes import router
from sightline.incidents.summaries.summarising import take
from sightline.incidents.writing import Writers
from sightline.ports.work import SummaryQueue
from sightline.ports.writing import Passage, Sentence, WriterTask
from sightline.providers.writer_extractive import ExtractiveWriter
from tests.component.conftest import Answer, call, member_of, sample
from tests.component.test_incidents import NOON_S, User, fire, recover, user  # noqa: F401
from tests.conftest import Workspace

pytestmark = pytest.mark.component

QUOTING = Writers(ExtractiveWriter(), ExtractiveWriter())


class Bus:
    """Remembers what was published."""

    def __init__(self) -> None:
        self.told: list[Mapping[str, Any]] = []

    def publish(self, name: str, detail: Mapping[str, Any]) -> None:
        assert name == "incident.changed"
        self.told.append(detail)


class Requests:
    """Remembers what was asked for."""

    def __init__(self) -> None:
        self.sent: list[Mapping[str, Any]] = []

    def send(self, message: Mapping[str, Any]) -> None:
        self.sent.append(message)


class Model:
    """Says what it is told to, or fails."""

    id = "bedrock/a-model"

    def __init__(self, *said: Sentence) -> None:
        self.said = list(said)
        self.seen: list[Passage] = []

    def write(
        self, task: WriterTask, *, question: str, passages: Sequence[Passage], max_sentences: int
    ) -> list[Sentence]:
        assert (task, bool(question), max_sentences > 0) == ("summary", True, True)
        self.seen = list(passages)
        if not self.said:
            raise WriterUnavailableError
        return self.said


class Outage:
    """The newest incident of a user, and what is written of it."""

    def __init__(self, user: User) -> None:  # noqa: F811
        self.user, self.bus, self.requests = user, Bus(), Requests()
        self.source_id = user.add_source()
        self.handler = as_lambda(create_app(router, ports={SummaryQueue: lambda: self.requests}))

    @property
    def id(self) -> UUID:
        (row,) = self.rows("SELECT id FROM incident ORDER BY number DESC LIMIT 1")
        return UUID(str(row["id"]))

    def fire(self, monitor: str, after_s: float, **more: Any) -> None:
        about = {"title": f"{monitor} is high", "tags": "service:checkout,env:production"} | more
        self.user.deliver(self.source_id, fire(NOON_S + after_s, monitor, **about), at_s=NOON_S + after_s)

    def recover(self, monitor: str, after_s: float) -> None:
        self.user.deliver(self.source_id, recover(NOON_S + after_s, monitor), at_s=NOON_S + after_s)

    def rows(self, query: str) -> list[dict[str, Any]]:
        with transaction(self.user.workspace.id) as conn:
            return conn.execute(query).fetchall()

    def changed(self, writers: Writers = QUOTING, **more: Any) -> None:
        """The event, as the bus puts it on the queue."""
        record = sample("summarise/incident_changed")["Records"][0]
        event = json.loads(record["body"])
        event["detail"] |= {"workspace_id": str(self.user.workspace.id), "incident_id": str(self.id)} | more
        take(event, writers=writers, events=self.bus)

    def ask(self, method: str, path: str, workspace: Workspace | None = None, **more: Any) -> Answer:
        principal = member_of(workspace or self.user.workspace, more.pop("role", "editor"))
        return call(self.handler, method, f"/v1/incidents/{self.id}/{path}", principal=principal, **more)

    def summary(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask("GET", "summary", role="viewer").json
        return answer

    def history(self) -> list[tuple[str, int]]:
        items = self.ask("GET", "summaries", role="viewer").json["items"]
        return [(one["because"], one["of_version"]) for one in items]


@pytest.fixture
def outage(user: User) -> Outage:  # noqa: F811
    made = Outage(user)
    made.fire("a", 0)
    made.fire("b", 60)
    return made


def test_an_opened_incident_is_summarised_and_each_sentence_rests_on_its_alerts(outage: Outage) -> None:
    outage.changed()
    summary = outage.summary()
    assert (summary["because"], summary["written_by"], summary["degraded"]) == ("opened", "extractive", False)
    assert summary["sentences"][0]["text"].startswith("INC-1 is ")
    assert (
        "2 alerts of checkout in production since 12:00 UTC on 20 November 2026"
        in (summary["sentences"][0]["text"])
    )
    alerts = {str(row["id"]) for row in outage.rows("SELECT id FROM alert")}
    for sentence in summary["sentences"]:
        assert sentence["alert_ids"]
        assert set(sentence["alert_ids"]) <= alerts
        assert sentence["alerts"] == len(sentence["alert_ids"])


def test_the_timeline_and_the_bus_hear_of_it_and_no_loop_begins(outage: Outage) -> None:
    outage.changed()
    (told,) = outage.bus.told
    assert (told["kinds"], told["version"]) == (["summarised"], 2)
    (event,) = outage.rows("SELECT * FROM incident_event WHERE kind = 'summarised'")
    assert (event["actor"], event["version"]) == ("system", 2)
    assert event["after"]["summary_id"] == outage.summary()["id"]
    assert event["after"]["text"].startswith("INC-1 is ")
    outage.changed(version=2, kinds=["summarised"])
    assert (len(outage.bus.told), outage.history()) == (1, [("opened", 1)])


def test_the_same_event_any_number_of_times_and_at_once_writes_one(outage: Outage) -> None:
    with ThreadPoolExecutor(6) as workers:
        list(workers.map(lambda _: outage.changed(), range(12)))
    assert outage.history() == [("opened", 1)]
    assert len(outage.bus.told) == 1


def test_each_threshold_writes_another(outage: Outage) -> None:
    outage.changed()
    for number, monitor in enumerate("cde"):
        outage.fire(monitor, 120 + number)
        outage.changed()
    assert [because for because, _ in outage.history()] == ["alerts_reached", "opened"]
    for monitor in "abcde":
        outage.recover(monitor, 900)
    outage.changed()
    assert outage.history()[0][0] == "resolved"
    assert "All 5 alerts have recovered" in " ".join(one["text"] for one in outage.summary()["sentences"])


def test_a_storm_that_was_quicker_than_the_queue_is_summarised_once(outage: Outage) -> None:
    for number in range(20):
        outage.fire(f"m{number}", 61 + number)
    for _ in range(5):
        outage.changed()
    ((because, version),) = outage.history()
    assert (because, version) == (
        "alerts_reached",
        outage.rows("SELECT version FROM incident")[0]["version"] - 1,
    )


def test_what_is_asked_for_is_written_once_for_what_the_incident_is_now(outage: Outage) -> None:
    outage.changed()
    answer = outage.ask("POST", "summary")
    assert (answer.status, answer.json["current"], outage.requests.sent) == (202, True, [])
    outage.fire("c", 120)
    for _ in range(2):
        assert outage.ask("POST", "summary").json["current"] is False
    assert len(outage.requests.sent) == 2
    for request in outage.requests.sent:
        take(request, writers=QUOTING, events=outage.bus)
    assert outage.history() == [("asked", 2), ("opened", 1)]
    (event,) = outage.rows("SELECT actor FROM incident_event WHERE kind = 'summarised' AND reason = 'asked'")
    assert event["actor"] == f"user:{outage.user.workspace.user_id}"


def test_a_model_writes_from_facts_and_alerts_and_only_what_holds_stays(outage: Outage) -> None:
    model = Model(
        Sentence("2 alerts of checkout in production are high.", ("fact-0",)),
        Sentence("A bad deployment caused the alerts of checkout.", ("fact-0",)),
    )
    outage.changed(Writers(model, ExtractiveWriter()))
    summary = outage.summary()
    assert [one["text"] for one in summary["sentences"]] == ["2 alerts of checkout in production are high."]
    assert (summary["written_by"], summary["degraded"], summary["sentences"][0]["alerts"]) == (
        "bedrock/a-model",
        False,
        2,
    )
    assert {one.id for one in model.seen} >= {str(row["id"]) for row in outage.rows("SELECT id FROM alert")}
    (row,) = outage.rows("SELECT dropped FROM incident_summary")
    assert row["dropped"] == 1


def test_a_model_that_fails_is_stood_in_for(outage: Outage) -> None:
    outage.changed(Writers(Model(), ExtractiveWriter()))
    assert (outage.summary()["written_by"], outage.summary()["degraded"]) == ("extractive", True)


def test_a_deployment_before_the_incident_is_named_and_not_blamed(user: User) -> None:  # noqa: F811
    outage = Outage(user)
    outage.fire("d", -600, title="Deployment of checkout v2.19 failed to roll out")
    outage.fire("a", 0)
    outage.fire("b", 60)
    outage.changed()
    text = " ".join(one["text"] for one in outage.summary()["sentences"])
    assert 'It was preceded by a change: "Deployment of checkout v2.19' in text
    assert "caus" not in text


def test_an_incident_below_the_threshold_is_left_alone_until_somebody_asks(user: User) -> None:  # noqa: F811
    outage = Outage(user)
    outage.fire("a", 0, priority="P4")
    outage.changed()
    assert outage.ask("GET", "summary").status == 404
    outage.ask("POST", "summary")
    take(outage.requests.sent[0], writers=QUOTING, events=outage.bus)
    assert [because for because, _ in outage.history()] == ["asked"]


def test_nobody_reads_or_asks_for_what_is_anothers(outage: Outage, other_workspace: Workspace) -> None:
    outage.changed()
    for method, path in (("GET", "summary"), ("GET", "summaries"), ("POST", "summary")):
        assert outage.ask(method, path, other_workspace).status == 404
    assert outage.ask("POST", "summary", role="viewer").status == 403
    assert outage.requests.sent == []
    # An event that names another workspace's incident finds none.
    outage.changed(workspace_id=str(other_workspace.id))
    outage.changed(incident_id=str(uuid4()))
    assert len(outage.bus.told) == 1


def test_the_history_goes_on_where_it_ended(outage: Outage) -> None:
    outage.changed()
    outage.fire("c", 120)
    outage.ask("POST", "summary")
    take(outage.requests.sent[0], writers=QUOTING, events=outage.bus)
    first = outage.ask("GET", "summaries", query="limit=1").json
    second = outage.ask("GET", "summaries", query=f"limit=1&cursor={first['next_cursor']}").json
    assert [page["items"][0]["because"] for page in (first, second)] == ["asked", "opened"]
    assert second["next_cursor"] is None
    assert outage.ask("GET", "summaries", query="cursor=nonsense").status == 400
