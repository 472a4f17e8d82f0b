"""Alerts as their owners see them: sources made, deliveries read, whatever the order and however often."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from sightline.contracts.inference_answers import Entity, Judgement
from sightline.contracts.intake import Source, SourceKeys
from sightline.errors import EndpointUnavailableError
from sightline.http import as_lambda, create_app
from sightline.incidents.judging import Judges
from sightline.incidents.routes import router
from sightline.incidents.triage import Triage
from sightline.ports.inference import Embedding
from sightline.ports.work import DeliveryQueue
from tests.component.conftest import Answer, Handler, call, member_of, sample
from tests.component.footage import PaperBlobs
from tests.conftest import Workspace

pytestmark = pytest.mark.component

NOON_S = 1_795_176_000


class PaperKeys:
    """Sources with their secrets, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Source] = {}

    def keep(self, source_id: str, source: Source) -> None:
        self.kept[source_id] = source

    def find(self, source_id: str) -> Source | None:
        return self.kept.get(source_id)

    def forget(self, source_id: str) -> None:
        self.kept.pop(source_id, None)


class PaperPages:
    """Remembers what was fetched."""

    def __init__(self) -> None:
        self.fetched: list[str] = []

    def fetch(self, address: str) -> bytes:
        self.fetched.append(address)
        return b""


class Models:
    """Knows of one word; down until it is up."""

    def __init__(self) -> None:
        self.up = False
        self.asked: list[str] = []

    def classify(self, texts: Sequence[str], **_within: float) -> list[dict[str, Judgement]]:
        if not self.up:
            raise EndpointUnavailableError
        self.asked += texts
        said = {"severity": "critical", "category": "capacity", "team": "nobody we know"}
        return [
            {
                axis: Judgement(label=label, confidence=0.9, scores={label: 1.0})
                for axis, label in said.items()
            }
            for _ in texts
        ]

    def tag(self, texts: Sequence[str], **_within: float) -> list[list[Entity]]:
        if not self.up:
            raise EndpointUnavailableError
        return [
            [Entity(label="host", start=0, end=4, text="db-7", confidence=0.95, source="model")]
            if "db-7" in text
            else []
            for text in texts
        ]

    def embed_texts(self, texts: Sequence[str], **_within: float) -> Embedding:
        if not self.up:
            raise EndpointUnavailableError
        vectors = np.eye(384, dtype=np.float16)[[len(text) % 384 for text in texts]]
        return Embedding(model_id="all-minilm-l6-v2", revision="1", dim=384, vectors=vectors)


class PaperEvents:
    """Remembers what was published."""

    def __init__(self) -> None:
        self.published: list[tuple[str, dict[str, Any]]] = []
        self._down = False

    @contextmanager
    def down(self) -> Iterator[None]:
        """Takes nothing meanwhile."""
        self._down = True
        try:
            yield
        finally:
            self._down = False

    def publish(self, name: str, detail: Mapping[str, Any]) -> None:
        if self._down:
            raise OSError("the bus refused it")
        self.published.append((name, dict(detail)))


PAGES, MODELS = PaperPages(), Models()
EVENTS = PaperEvents()
TRIAGE = Triage(PaperBlobs(), PAGES, Judges(MODELS, MODELS, MODELS), EVENTS)


class PaperQueue:
    """Hands each message to the reader at once."""

    def send(self, message: Mapping[str, Any]) -> None:
        TRIAGE.take(message)


class User:
    """An admin of a workspace, and their monitoring tools."""

    def __init__(self, workspace: Workspace, keys: PaperKeys) -> None:
        self.workspace = workspace
        self.keys = keys
        self.handler: Handler = as_lambda(
            create_app(router, ports={SourceKeys: lambda: keys, DeliveryQueue: PaperQueue})
        )

    def ask(self, method: str, path: str, *, role: str = "admin", **more: Any) -> Answer:
        return call(self.handler, method, path, principal=member_of(self.workspace, role), **more)

    def add_source(self, platform: str = "datadog", **more: Any) -> str:
        body = {"name": f"Our {platform}", "platform": platform, **more}
        answer = self.ask("POST", "/v1/alert-sources", body=body)
        assert answer.status == 201, answer.text
        return str(answer.json["id"])

    def message(self, source_id: str, payload: Any, *, at_s: float = NOON_S, **more: Any) -> dict[str, Any]:
        body = payload if isinstance(payload, str) else json.dumps(payload)
        return {
            "delivery_id": str(uuid4()),
            "workspace_id": str(self.workspace.id),
            "source_id": source_id,
            "platform": "datadog",
            "trust": "shared_secret",
            "received_s": at_s,
            "headers": {},
            "body": body,
            **more,
        }

    def deliver(self, source_id: str, payload: Any, **more: Any) -> str:
        message = self.message(source_id, payload, **more)
        TRIAGE.take(message)
        return str(message["delivery_id"])

    def alerts(self, query: str = "") -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.ask("GET", "/v1/alerts", query=query, role="viewer").json["items"]
        return items

    def delivery(self, delivery_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask("GET", f"/v1/alert-deliveries/{delivery_id}").json
        return answer


@pytest.fixture
def user(workspace: Workspace) -> User:
    return User(workspace, PaperKeys())


def fire(at_s: float = NOON_S, monitor: str = "1", **more: Any) -> dict[str, Any]:
    said = {"monitor_id": monitor, "title": "[Triggered] Disk is full", "alert_transition": "Triggered"}
    return {**said, "last_updated": int(at_s * 1000), **more}


def recover(at_s: float = NOON_S, monitor: str = "1") -> dict[str, Any]:
    return fire(at_s, monitor, title="[Recovered] Disk is full", alert_transition="Recovered")


def test_the_sample_delivery_becomes_an_alert_that_says_who_judged_it(user: User) -> None:
    source_id = user.add_source()
    said = json.loads(sample("triage_alerts/one_delivery")["Records"][0]["body"])
    delivery_id = user.deliver(source_id, said["body"])
    (alert,) = user.alerts()
    assert alert["title"] == "[Triggered on {service:checkout}] Error rate is high"
    assert alert["severity"] == {"label": "high", "by": "sender", "confidence": None}
    assert alert["category"]["by"] == "rule"
    assert alert["degraded"] is True
    assert (alert["service"], alert["environment"], alert["region"]) == (
        "checkout",
        "production",
        "eu-central-1",
    )
    assert (alert["trust"], alert["status"], alert["occurrences"]) == ("shared_secret", "firing", 1)
    assert alert["occurred_at"] < alert["received_at"]
    whole = user.delivery(delivery_id)
    assert (whole["outcome"], whole["alerts"], whole["raw_payload"]) == ("alerts", 1, said["body"])
    assert user.ask("GET", f"/v1/alerts/{alert['id']}").json == alert


def test_models_judge_what_is_new_and_name_what_it_is_about(user: User) -> None:
    MODELS.up, MODELS.asked = True, []
    try:
        source_id = user.add_source()
        for number in range(3):
            user.deliver(source_id, fire(NOON_S + number, title="[Triggered] Disk of db-7 is full"))
        user.deliver(source_id, recover(NOON_S + 9))
    finally:
        MODELS.up = False
    (alert,) = user.alerts()
    assert len(MODELS.asked) == 1, "a known alert is not judged again"
    assert alert["severity"] == {"label": "critical", "by": "alert-classes", "confidence": pytest.approx(0.9)}
    assert alert["category"]["label"] == "capacity"
    assert alert["team"] == {"label": "platform", "by": "rule", "confidence": pytest.approx(0.5)}
    assert (alert["host"], alert["degraded"]) == ("db-7", False)
    assert alert["entities"] == [{"label": "host", "text": "db-7", "confidence": 0.95, "source": "model"}]


def test_the_same_again_is_counted_and_a_recovery_ends_it(user: User) -> None:
    source_id = user.add_source()
    for at_s in (NOON_S, NOON_S + 60, NOON_S + 120):
        user.deliver(source_id, fire(at_s), at_s=at_s)
    user.deliver(source_id, recover(NOON_S + 180), at_s=NOON_S + 180)
    (alert,) = user.alerts()
    assert (alert["occurrences"], alert["status"]) == (3, "recovered")
    assert alert["recovered_at"] > alert["last_occurred_at"] > alert["occurred_at"]
    user.deliver(source_id, fire(NOON_S + 600), at_s=NOON_S + 600)
    assert [alert["status"] for alert in user.alerts()] == ["firing", "recovered"]
    assert len(user.alerts("status=firing")) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_whatever_the_order_the_end_is_the_same(user: User, order: tuple[int, ...]) -> None:
    source_id = user.add_source()
    said = [fire(NOON_S), fire(NOON_S + 30), recover(NOON_S + 60)]
    for place in order:
        user.deliver(source_id, said[place], at_s=NOON_S + 90)
    (alert,) = user.alerts()
    assert (alert["status"], alert["occurrences"]) == ("recovered", 2)


def test_a_recovery_of_nothing_makes_no_alert(user: User) -> None:
    delivery_id = user.deliver(user.add_source(), recover())
    assert user.alerts() == []
    assert user.delivery(delivery_id)["outcome"] == "alerts"


def test_one_delivery_fifty_times_at_once_is_one_alert_counted_once(user: User) -> None:
    message = user.message(user.add_source(), fire())
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda _: TRIAGE.take(message), range(50)))
    (alert,) = user.alerts()
    assert alert["occurrences"] == 1


def test_fifty_deliveries_of_one_alert_at_once_are_one_alert_counted_fifty_times(user: User) -> None:
    source_id = user.add_source()
    messages = [user.message(source_id, fire(NOON_S + number)) for number in range(50)]
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda message: TRIAGE.take(message), messages))
    (alert,) = user.alerts()
    assert alert["occurrences"] == 50


def test_what_a_sender_sends_twice_is_kept_twice_and_read_once(user: User) -> None:
    source_id = user.add_source("github", secret="the-hook-secret")
    event = sample("webhooks/github_check_failed")
    twice = [user.deliver(source_id, event["body"], headers=event["headers"]) for _ in range(2)]
    assert [user.delivery(one)["outcome"] for one in twice] == ["alerts", "repeated"]
    (alert,) = user.alerts()
    assert alert["occurrences"] == 1


def test_what_somebody_overheard_and_repeats_is_read_once(user: User) -> None:
    """PagerDuty signs no time, and names its events in the body."""
    source_id = user.add_source("pagerduty", secret="the-subscription-secret")
    body = sample("webhooks/pagerduty_triggered")["body"]
    twice = [user.deliver(source_id, body, trust="signed") for _ in range(2)]
    assert [user.delivery(one)["outcome"] for one in twice] == ["alerts", "repeated"]
    (alert,) = user.alerts()
    assert alert["occurrences"] == 1


def test_the_same_words_under_another_name_are_the_same_alert(user: User) -> None:
    source_id = user.add_source()
    user.deliver(source_id, fire(monitor="1"))
    user.deliver(source_id, fire(monitor="2"))
    user.deliver(source_id, fire(monitor="3", title="[Triggered] Another disk is full"))
    assert sorted(alert["occurrences"] for alert in user.alerts()) == [1, 2]


@pytest.mark.parametrize(
    "body", ["", "not json", '{"something": "new"}', "[" * 20_000, '{"title": "\\u0000"}']
)
def test_what_nobody_understands_is_kept_and_shown(user: User, body: str) -> None:
    delivery_id = user.deliver(user.add_source(), body)
    delivery = user.delivery(delivery_id)
    assert (delivery["outcome"], delivery["raw_payload"]) == ("unparsed", body)
    assert delivery["reason"]
    listed = user.ask("GET", "/v1/alert-deliveries", query="outcome=unparsed").json["items"]
    assert [one["id"] for one in listed] == [delivery_id]


@pytest.mark.parametrize(
    ("address", "trust", "fetched"),
    [
        ("https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t", "signed", 1),
        ("https://169.254.169.254/latest/meta-data", "signed", 0),
        ("https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t", "shared_secret", 0),
    ],
)
def test_a_topic_is_told_that_it_may_deliver(user: User, address: str, trust: str, fetched: int) -> None:
    source_id = user.add_source("cloudwatch", topic_arns=["arn:aws:sns:eu-central-1:123456789012:alarms"])
    before = len(PAGES.fetched)
    delivery_id = user.deliver(
        source_id,
        {"Type": "SubscriptionConfirmation", "Message": "You have chosen", "SubscribeURL": address},
        trust=trust,
        headers={"x-amz-sns-message-type": "SubscriptionConfirmation"},
    )
    assert PAGES.fetched[before:] == [address] * fetched
    assert user.delivery(delivery_id)["outcome"] == "no_alerts"


def test_a_delivery_is_read_again_without_being_counted_again(user: User) -> None:
    source_id = user.add_source()
    delivery_id = user.deliver(source_id, fire())
    answer = user.ask("POST", f"/v1/alert-deliveries/{delivery_id}/replay")
    assert (answer.status, answer.json) == (202, {"id": delivery_id, "queued": True})
    (alert,) = user.alerts()
    assert alert["occurrences"] == 1


def test_another_workspace_sees_none_of_it(user: User, other_workspace: Workspace) -> None:
    source_id = user.add_source()
    delivery_id = user.deliver(source_id, fire())
    (alert,) = user.alerts()
    stranger = User(other_workspace, user.keys)
    assert stranger.alerts() == []
    for path in (f"/v1/alerts/{alert['id']}", f"/v1/alert-deliveries/{delivery_id}"):
        assert stranger.ask("GET", path).status == 404
    assert stranger.ask("DELETE", f"/v1/alert-sources/{source_id}").status == 404
    assert stranger.ask("POST", f"/v1/alert-sources/{source_id}/rotate", body={}).status == 404
    assert stranger.ask("POST", f"/v1/alert-deliveries/{delivery_id}/replay").status == 404
    assert source_id in user.keys.kept


def test_lists_go_on_where_they_ended(user: User) -> None:
    source_id = user.add_source()
    for number in range(5):
        user.deliver(source_id, fire(monitor=str(number), title=f"Disk {number}"), at_s=NOON_S + number)

    def pages(path: str) -> Iterator[list[str]]:
        query = "limit=2"
        while True:
            page = user.ask("GET", path, query=query).json
            yield [item["id"] for item in page["items"]]
            if not page["next_cursor"]:
                return
            query = f"limit=2&cursor={page['next_cursor']}"

    for path in ("/v1/alerts", "/v1/alert-deliveries"):
        listed = list(pages(path))
        assert [len(page) for page in listed] == [2, 2, 1]
        assert len({UUID(one) for page in listed for one in page}) == 5
    assert user.ask("GET", "/v1/alerts", query="cursor=nonsense").status == 400
