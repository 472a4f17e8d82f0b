"""Slack busy, broken or gone, workers killed: nothing is told twice, and what surely did not arrive comes."""

from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any
from uuid import UUID

import pytest

from sightline.database import transaction
from sightline.ports.outgoing import Posted
from tests.component.notices import Dies, Office, made_vault, opened_office, served_slack  # noqa: F401 - fixtures
from tests.fake_slack import HANG_UP, FakeSlack

pytestmark = pytest.mark.component


def _message(office: Office, channel_id: str, incident_id: UUID) -> str:
    with transaction(office.workspace.id) as conn:
        row = conn.execute(
            "SELECT id FROM notification_message WHERE channel_id = %s AND incident_id = %s",
            (channel_id, incident_id),
        ).fetchone()
    assert row is not None
    return str(row["id"])


def test_too_many_requests_wait_for_as_long_as_slack_asks_and_nobody_else_does(
    office: Office, slack: FakeSlack
) -> None:
    busy, other = office.channel()["id"], None
    slack.script = [(429, {"retry-after": "30"})]
    incident_id = office.incident()
    (pause,) = office.tell(incident_id, 1, "opened")
    assert 30 <= pause <= 31
    # While that channel rests, another incident's message there is not even tried; another channel's is.
    another = office.incident(title="Search is slow")
    other = office.channel("slack_bot")["id"]
    office.queue.take()
    office.hear(another, 1, "opened")
    pauses = office.work()
    assert len(pauses) == 1
    assert 28 <= pauses[0] <= 31
    assert len(slack.bodies()) == 1
    assert office.statuses(f"channel_id={other}") == [(1, "sent")]
    office.time_passes()
    office.work()
    office.queue.send(
        {"workspace_id": str(office.workspace.id), "message_id": _message(office, busy, incident_id)}
    )
    office.work()
    assert sorted(office.statuses(f"channel_id={busy}")) == [(1, "sent"), (1, "sent")]


def test_a_failing_slack_is_tried_again_until_it_is_given_up_and_the_next_change_begins_anew(
    office: Office, slack: FakeSlack
) -> None:
    channel_id = office.channel()["id"]
    incident_id = office.incident()
    slack.script = [(500, {})] * 8
    office.hear(incident_id, 1, "opened")
    delays = []
    for _ in range(8):
        delays += office.work()
        office.time_passes()
    assert delays[0] in (2, 3)
    assert delays == sorted(delays)
    assert len(slack.calls) == 8
    (failed,) = office.notifications()
    assert (failed["status"], failed["attempts"], failed["last_status"]) == ("failed", 8, 500)
    assert (
        office.call("GET", f"/notification-channels/{channel_id}").json["last_error"] == "Slack answered 500."
    )
    office.tell(incident_id, office.change(incident_id, severity="critical"))
    assert office.statuses() == [(1, "failed"), (2, "sent")]
    assert office.call("GET", f"/notification-channels/{channel_id}").json["last_error"] is None


def test_what_slack_refuses_for_good_is_not_repeated(office: Office, slack: FakeSlack) -> None:
    office.channel("slack_bot")
    slack.script = ["channel_not_found"]
    assert office.tell(office.incident(), 1, "opened") == []
    (failed,) = office.notifications()
    assert (failed["status"], failed["last_error"]) == ("failed", "Slack said channel_not_found.")
    # Mended, its owner has it sent again; what went well is not.
    assert office.call("POST", f"/notifications/{failed['id']}/resend").json["status"] == "pending"
    office.work()
    assert office.statuses() == [(1, "sent")]
    assert office.call("POST", f"/notifications/{failed['id']}/resend").status == 409


def test_a_connection_that_breaks_off_is_not_repeated(office: Office, slack: FakeSlack) -> None:
    """Slack took the message, and its word of it was lost: nobody here can know."""
    office.channel()
    incident_id = office.incident()
    slack.script = [HANG_UP]
    assert office.tell(incident_id, 1, "opened") == []
    office.time_passes()
    office.sweep()
    office.tell(incident_id, 1, "opened")
    assert len(slack.calls) == 1
    assert office.statuses() == [(1, "unknown")]
    office.tell(incident_id, office.change(incident_id, severity="critical"))
    assert office.statuses() == [(1, "unknown"), (2, "sent")]


def test_an_update_that_breaks_off_is_repeated_for_it_changes_nothing_twice(
    office: Office, slack: FakeSlack
) -> None:
    office.channel("slack_bot")
    incident_id = office.incident()
    office.tell(incident_id, 1, "opened")
    slack.script = [HANG_UP]
    office.tell(incident_id, office.change(incident_id, severity="critical"))
    office.time_passes()
    office.work()
    assert [call.method for call in slack.calls] == [
        "chat.postMessage", "chat.update", "chat.update", "chat.postMessage"
    ]  # fmt: skip
    assert office.statuses() == [(1, "sent"), (2, "sent")]


def test_nothing_listens_and_that_is_surely_tried_again(office: Office, slack: FakeSlack) -> None:
    office.channel(url="http://127.0.0.1:1/hook")
    assert office.tell(office.incident(), 1, "opened") in ([2], [3])
    assert office.statuses() == [(1, "pending")]
    assert office.notifications()[0]["last_error"] == "No answer: ConnectionRefusedError."


def test_a_message_that_was_deleted_is_told_in_a_new_one(office: Office, slack: FakeSlack) -> None:
    office.channel("slack_bot")
    incident_id = office.incident()
    office.tell(incident_id, 1, "opened")
    slack.posted.clear()
    office.tell(incident_id, office.change(incident_id, severity="critical"))
    office.time_passes()
    office.work()
    assert [call.method for call in slack.calls] == ["chat.postMessage", "chat.update", "chat.postMessage"]
    assert office.statuses() == [(1, "sent"), (2, "sent")]


@pytest.mark.parametrize("after", [False, True])
def test_killed_between_sending_and_writing_it_is_not_sent_twice(
    office: Office, slack: FakeSlack, after: bool
) -> None:
    office.channel()
    incident_id = office.incident()
    office.hear(incident_id, 1, "opened")
    ((job, _),) = office.queue.waiting
    with pytest.raises(MemoryError):
        office.work(Dies(office, after=after))
    # The queue hands it over again: while the lease lasts nobody touches it, after it nobody knows.
    office.queue.send(job)
    (pause,) = office.work()
    assert 50 < pause <= 61
    office.time_passes()
    office.work()
    assert len(slack.calls) == int(after)
    assert office.statuses() == [(1, "unknown")]
    office.tell(incident_id, office.change(incident_id, severity="critical"))
    assert len(slack.calls) == int(after) + 1
    assert office.statuses() == [(1, "unknown"), (2, "sent")]


def test_one_taken_for_lost_that_comes_back_after_all_says_so(office: Office, slack: FakeSlack) -> None:
    office.channel()
    incident_id = office.incident()
    office.hear(incident_id, 1, "opened")
    ((job, _),) = office.queue.waiting

    class Slow(Dies):
        def post(self, url: str, *, body: bytes, headers: Any) -> Posted:
            office.time_passes()
            office.desk().take(job)
            assert office.statuses() == [(1, "unknown")]
            return office.sender.post(url, body=body, headers=headers)

    office.work(Slow(office, after=True))
    assert len(slack.calls) == 1
    assert office.statuses() == [(1, "sent")]


def test_what_was_lost_between_writing_down_and_queueing_comes_with_the_event_again(
    office: Office, slack: FakeSlack
) -> None:
    office.channel()
    incident_id = office.incident()
    office.hear(incident_id, 1, "opened")
    office.queue.take()  # killed before it was sent on
    office.tell(incident_id, 1, "opened")
    assert len(slack.calls) == 1


def test_what_is_in_no_queue_is_found_by_the_sweep(office: Office, slack: FakeSlack) -> None:
    office.channel()
    office.hear(office.incident(), 1, "opened")
    office.queue.take()
    assert office.sweep() == [], "it is not late yet"
    assert slack.calls == []
    office.time_passes()
    office.sweep()
    assert len(slack.calls) == 1


def test_what_was_told_of_incidents_that_are_long_over_is_forgotten(office: Office, slack: FakeSlack) -> None:
    channel = office.channel()
    over, withdrawn, lately, still, held = (
        office.incident(title=title) for title in ("over", "withdrawn", "lately", "still", "held")
    )
    for incident_id in (over, withdrawn, lately, still):
        office.tell(incident_id, 1, "opened")
    office.hear(held, 1, "opened")
    office.call("POST", f"/notification-channels/{channel['id']}/test")
    office.work()
    with transaction(office.workspace.id) as conn:
        conn.execute("UPDATE notification_message SET created_at = created_at - interval '91 days'")
        conn.execute(
            "UPDATE incident SET status = 'resolved', updated_at = now() - interval '91 days'"
            " WHERE id = ANY(%s)",
            ([over, withdrawn, held],),
        )
        conn.execute("UPDATE incident SET status = 'gathering' WHERE id = %s", (withdrawn,))
        conn.execute("UPDATE incident SET status = 'resolved' WHERE id = %s", (lately,))
        conn.execute(
            "UPDATE notification SET status = 'held' WHERE message_id IN"
            " (SELECT id FROM notification_message WHERE incident_id = %s)",
            (held,),
        )
    assert len(office.statuses()) == 6
    office.sweep()
    left = {one["incident_id"] for one in office.notifications()}
    assert left == {str(lately), str(still), str(held)}, "the test of the channel goes too"


class Weather:
    """Sends as it happens: nobody listens, Slack is busy, the line breaks, or the worker dies."""

    def __init__(self, office: Office, seed: int) -> None:
        self.office, self.random = office, Random(seed)

    def check(self, url: str) -> None:
        self.office.sender.check(url)

    def post(self, url: str, *, body: bytes, headers: Any) -> Posted:
        today = self.random.random()
        if today < 0.15:
            return Posted(None, "No answer: ConnectionRefusedError.", None, 1)
        if today < 0.3:
            return Posted(500, None, None, 1, begun=True)
        posted = self.office.sender.post(url, body=body, headers=headers)
        if today < 0.4:
            return Posted(None, "No answer in time.", None, 1, begun=True)
        if today < 0.5:
            raise MemoryError
        return posted


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_to_workers_and_lines_no_change_is_told_twice(
    office: Office, slack: FakeSlack, seed: int
) -> None:
    office.channel()
    incident_id = office.incident(title="v1")
    random, weather = Random(seed), Weather(office, seed)
    events = [
        (1, "opened"),
        *((office.change(incident_id, title=f"v{n}"), "title_changed") for n in range(2, 9)),
    ]
    events *= 3
    random.shuffle(events)

    def worker(job: dict[str, Any]) -> None:
        try:
            office.desk(weather).take(job)
        except MemoryError:
            office.queue.send(job)  # as SQS does, when the message was not deleted

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda event: office.hear(incident_id, *event), events))
        for step in range(60):
            list(workers.map(worker, [job for job, _ in office.queue.take()]))
            if step % 3 == 0 and step < 30:
                version = office.change(incident_id, title=f"v{step + 10}")
                office.hear(incident_id, version, "title_changed")
            office.time_passes()
    told = [body["text"] for body in slack.bodies()]
    assert len(told) == len(set(told)), "a change was told twice"
    ends = dict(office.statuses())
    assert set(ends.values()) <= {"sent", "unknown", "superseded", "failed"}
    assert list(ends.values()).count("sent") >= 1
    assert len(told) <= list(ends.values()).count("sent") + list(ends.values()).count("unknown")
