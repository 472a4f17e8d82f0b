"""Incidents as people hear of them: once for each change, whatever comes twice, late, or dies on the way."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import boto3
import pytest
from standardwebhooks.webhooks import Webhook

from sightline.database import transaction
from sightline.http import as_lambda, create_app
from sightline.incidents.notices.signatures import signature
from sightline.outgoing.delivery import deliver
from sightline.outgoing.routes import router as outgoing
from sightline.ports import DelayedQueue, Posted, Vault, WebhookSender
from sightline.providers.kms import KmsVault
from tests.component.conftest import Answer, call, member_of
from tests.component.notices import SIGNING_SECRET, TOKEN, Office
from tests.conftest import Workspace
from tests.fake_slack import HANG_UP, FakeSlack, fake_slack
from tests.webhook_receiver import receiving

pytestmark = pytest.mark.component


@pytest.fixture(scope="module")
def vault(emulator: str) -> KmsVault:
    kms = boto3.client("kms", endpoint_url=emulator)
    return KmsVault(kms.create_key()["KeyMetadata"]["KeyId"], kms)


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with fake_slack() as one:
        yield one


@pytest.fixture
def office(
    workspace: Workspace, vault: KmsVault, slack: FakeSlack, set_settings: Callable[..., None]
) -> Office:
    set_settings(webhook_loopback=True, mail_from="sightline@example.com")
    return Office(workspace, vault, slack)


def test_an_incident_is_told_in_slack_and_its_changes_are(office: Office, slack: FakeSlack) -> None:
    office.channel()
    incident_id = office.incident()
    assert office.tell(incident_id, 1, "opened") == []
    version = office.change(incident_id, severity="critical")
    assert office.tell(incident_id, version) == []
    first, second = slack.bodies()
    assert first["text"] == "🟠 INC-1 Checkout is down (high, open)"
    assert second["text"] == "🔴 INC-1 Checkout is down (critical, open)"
    assert "Severity: high → critical" in json.dumps(second, ensure_ascii=False)
    assert office.statuses() == [(1, "sent"), (2, "sent")]


def test_the_same_event_fifty_times_at_once_is_one_message(office: Office, slack: FakeSlack) -> None:
    office.channel()
    incident_id = office.incident()
    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(lambda _: office.hear(incident_id, 1, "opened"), range(50)))
        jobs = [job for job, _ in office.queue.take()]
        assert jobs
        list(crowd.map(office.desk().take, jobs))
    office.time_passes()
    office.work()
    assert len(slack.bodies()) == 1
    assert office.statuses() == [(1, "sent")]


def test_changes_that_come_out_of_order_are_told_as_they_ended(office: Office, slack: FakeSlack) -> None:
    office.channel("slack_bot")
    incident_id = office.incident()
    office.change(incident_id, severity="critical")
    last = office.change(incident_id, "status_changed", status="investigating")
    office.tell(incident_id, last, "status_changed")
    for late in (2, 1):
        office.tell(incident_id, late)
    assert len(slack.calls) == 1
    assert "investigating" in slack.bodies("chat.postMessage")[0]["text"]
    assert office.statuses() == [(last, "sent")]


def test_what_waits_together_is_told_together(office: Office, slack: FakeSlack) -> None:
    office.channel()
    incident_id = office.incident()
    office.hear(incident_id, 1, "opened")
    for severity in ("critical", "medium", "low"):
        office.hear(incident_id, office.change(incident_id, severity=severity))
    office.work()
    assert [body["text"] for body in slack.bodies()] == ["🔵 INC-1 Checkout is down (low, open)"]
    assert office.statuses() == [(1, "superseded"), (2, "superseded"), (3, "superseded"), (4, "sent")]


def test_a_bot_updates_its_message_and_tells_in_its_thread(office: Office, slack: FakeSlack) -> None:
    office.channel("slack_bot")
    incident_id = office.incident()
    office.tell(incident_id, 1, "opened")
    office.tell(
        incident_id, office.change(incident_id, "resolved", status="resolved", firing_count=0), "resolved"
    )
    assert [call.method for call in slack.calls] == ["chat.postMessage", "chat.update", "chat.postMessage"]
    assert {call.token for call in slack.calls} == {TOKEN}
    (ts,) = [ts for ts, body in slack.posted.items() if "thread_ts" not in body]
    assert slack.posted[ts]["text"] == "✅ INC-1 Checkout is down (high, resolved)"
    reply = slack.calls[2].body
    assert (reply["thread_ts"], reply["channel"]) == (ts, "C0123")
    assert reply["text"].startswith("• Resolved")


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


def _message(office: Office, channel_id: str, incident_id: UUID) -> str:
    with transaction(office.workspace.id) as conn:
        row = conn.execute(
            "SELECT id FROM notification_message WHERE channel_id = %s AND incident_id = %s",
            (channel_id, incident_id),
        ).fetchone()
    assert row is not None
    return str(row["id"])


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


class Dies:
    """Is killed while it sends, before or after Slack has the message."""

    def __init__(self, office: Office, *, after: bool) -> None:
        self.office, self.after = office, after

    def check(self, url: str) -> None:
        self.office.sender.check(url)

    def post(self, url: str, *, body: bytes, headers: Any) -> Posted:
        if self.after:
            self.office.sender.post(url, body=body, headers=headers)
        raise MemoryError


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


def test_two_workers_send_it_once_and_the_next_change_after_it(office: Office, slack: FakeSlack) -> None:
    office.channel("slack_bot")
    incident_id = office.incident()
    office.hear(incident_id, 1, "opened")
    ((job, _),) = office.queue.waiting

    class Meanwhile(Dies):
        def post(self, url: str, *, body: bytes, headers: Any) -> Posted:
            # A second worker, and a change that happens just now.
            office.hear(incident_id, office.change(incident_id, severity="critical"))
            office.desk().take(job)
            return office.sender.post(url, body=body, headers=headers)

    office.work(Meanwhile(office, after=True))
    assert [call.method for call in slack.calls] == ["chat.postMessage"]
    office.work()
    assert [call.method for call in slack.calls] == ["chat.postMessage", "chat.update", "chat.postMessage"]
    office.time_passes()
    office.work()
    assert len(slack.calls) == 3
    assert office.statuses() == [(1, "sent"), (2, "sent")]


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


@pytest.mark.parametrize("kinds", [["alert_joined"], ["noted", "alert_joined"]])
def test_what_concerns_nobody_is_not_told(office: Office, slack: FakeSlack, kinds: list[str]) -> None:
    office.channel()
    assert office.tell(office.incident(), 1, *kinds) == []
    assert (slack.calls, office.statuses()) == ([], [])


def test_what_has_not_opened_is_told_to_nobody(office: Office, slack: FakeSlack) -> None:
    office.channel()
    incident_id = office.incident()
    version = office.change(incident_id, status="gathering")
    office.tell(incident_id, version)
    assert (slack.calls, office.statuses()) == ([], [])


def test_channels_are_told_of_what_they_asked_for_and_follow_it_to_its_end(
    office: Office, slack: FakeSlack
) -> None:
    grave = office.channel(filters={"min_severity": "critical"})["id"]
    cart = office.channel(filters={"services": ["cart"]})["id"]
    every = office.channel()["id"]
    incident_id = office.incident()
    office.tell(incident_id, 1, "opened")
    assert {one["channel_id"] for one in office.notifications()} == {every}
    office.tell(incident_id, office.change(incident_id, severity="critical"))
    office.tell(incident_id, office.change(incident_id, severity="low"))
    assert office.statuses(f"channel_id={grave}") == [(2, "sent"), (3, "sent")]
    assert office.statuses(f"channel_id={cart}") == []


def test_a_team_hears_of_incidents_with_its_alerts(office: Office) -> None:
    mine = office.channel(filters={"teams": ["database"]})["id"]
    office.channel(filters={"teams": ["security"]})
    incident_id = office.incident()
    with transaction(office.workspace.id) as conn:
        source = f"source-{uuid4().hex}"
        conn.execute(
            "INSERT INTO alert_source (id, workspace_id, name, platform, scheme, settings, created_by)"
            " VALUES (%s, %s, 'x', 'generic', 'standard', '{}', 'x')",
            (source, office.workspace.id),
        )
        conn.execute(
            "INSERT INTO alert (workspace_id, source_id, platform, trust, external_id, fingerprint, status,"
            " title, description, severity, severity_by, category, category_by, team, team_by, entities,"
            " degraded, tags, first_delivery_id, last_delivery_id, occurred_at, received_at,"
            " last_occurred_at, incident_id) VALUES (%s, %s, 'generic', 'signed', 'a', 'f', 'firing', 't',"
            " '', 'high', 'rule',"
            " 'database', 'rule', 'database', 'rule', '[]', false, '{}', %s, %s, now(), now(), now(), %s)",
            (office.workspace.id, source, uuid4(), uuid4(), incident_id),
        )
    office.tell(incident_id, 1, "opened")
    assert [one["channel_id"] for one in office.notifications()] == [mine]


def test_a_channel_that_is_switched_off_is_told_nothing(office: Office, slack: FakeSlack) -> None:
    channel_id = office.channel()["id"]
    incident_id = office.incident()
    office.hear(incident_id, 1, "opened")
    office.call("PATCH", f"/notification-channels/{channel_id}", {"enabled": False})
    office.work()
    assert office.statuses() == [(1, "cancelled")]
    office.tell(incident_id, office.change(incident_id, severity="critical"))
    assert slack.calls == []
    assert office.call("POST", f"/notification-channels/{channel_id}/test").status == 409


def quiet_now() -> dict[str, Any]:
    """Hours around this moment."""
    now = datetime.now(UTC)
    hours = {"begin": now - timedelta(hours=2), "end": now + timedelta(hours=2)}
    return {"timezone": "UTC", **{name: at.strftime("%H:%M") for name, at in hours.items()}}


def test_quiet_hours_hold_back_and_end_in_one_digest(office: Office, slack: FakeSlack) -> None:
    channel_id = office.channel(quiet_hours=quiet_now())["id"]
    first, second = office.incident(), office.incident(title="Search is slow")
    for incident_id in (first, second):
        office.tell(incident_id, 1, "opened")
    office.tell(second, office.change(second, "resolved", status="resolved"), "resolved")
    assert slack.calls == []
    assert {status for _, status in office.statuses()} == {"held"}
    office.time_passes()
    office.sweep()
    assert slack.calls == [], "its hours go on"
    # The hours are over (here: its owner ends them).
    never = {"begin": "00:00", "end": "00:00"}
    office.call("PATCH", f"/notification-channels/{channel_id}", {"quiet_hours": never})
    office.sweep()
    (digest,) = slack.bodies()
    text = json.dumps(digest, ensure_ascii=False)
    assert "While it was quiet: 2 incidents" in digest["text"]
    assert "INC-1" in text
    assert "✅ *INC-2* Search is slow: high, resolved" in text
    assert [status for _, status in office.statuses()] == ["sent", "superseded", "sent"]
    office.time_passes()
    office.sweep()
    assert len(slack.calls) == 1


def test_what_is_grave_breaks_through_quiet_hours(office: Office, slack: FakeSlack) -> None:
    office.channel("slack_bot", quiet_hours=quiet_now())
    incident_id = office.incident()
    office.tell(incident_id, 1, "opened")
    assert slack.calls == []
    office.tell(incident_id, office.change(incident_id, severity="critical"))
    assert [call.method for call in slack.calls] == ["chat.postMessage"]
    assert office.statuses() == [(1, "superseded"), (2, "sent")]


def test_a_bots_incidents_come_each_in_its_own_message_when_the_hours_end(
    office: Office, slack: FakeSlack
) -> None:
    channel_id = office.channel("slack_bot", quiet_hours=quiet_now())["id"]
    for title in ("Checkout is down", "Search is slow"):
        office.tell(office.incident(title=title), 1, "opened")
    office.call("PATCH", f"/notification-channels/{channel_id}", {"quiet_hours": None})
    office.sweep()
    assert len(slack.bodies("chat.postMessage")) == 2
    assert {status for _, status in office.statuses()} == {"sent"}


def test_a_snooze_and_a_maintenance_hold_back(office: Office, slack: FakeSlack) -> None:
    office.channel("slack_bot")
    snoozed, kept_up = office.incident(), office.incident(services=["search"])
    soon = datetime.now(UTC) + timedelta(hours=1)
    office.change(snoozed, "snoozed", snoozed_until=soon)
    with transaction(office.workspace.id) as conn:
        conn.execute(
            "INSERT INTO maintenance_window (workspace_id, reason, services, starts_at, ends_at, created_by)"
            " VALUES (%s, 'upgrade', '{search}', now() - interval '1 hour', now() + interval '1 hour', 'x')",
            (office.workspace.id,),
        )
    for incident_id in (snoozed, kept_up):
        office.tell(incident_id, 2, "severity_changed")
    assert slack.calls == []
    assert {status for _, status in office.statuses()} == {"held"}
    office.tell(snoozed, office.change(snoozed, "unsnoozed", snoozed_until=None), "unsnoozed")
    assert len(slack.calls) == 1
    # Over before anybody was to be told: it stays untold.
    office.change(kept_up, "resolved", status="resolved")
    office.time_passes()
    office.sweep()
    assert len(slack.calls) == 1
    assert office.statuses(f"incident_id={kept_up}") == [(2, "cancelled")]


def test_mail_is_written_once_and_again_when_it_was_refused_for_now(office: Office) -> None:
    office.channel("email")
    office.mail.answers = [Posted(429, "SES said TooManyRequestsException.", None, 1, begun=True)]
    incident_id = office.incident()
    assert office.tell(incident_id, 1, "opened") in ([2], [3])
    office.time_passes()
    office.work()
    assert len(office.mail.sent) == 2
    letter = office.mail.sent[1]
    assert letter.to == ("oncall@example.com",)
    assert letter.subject == "INC-1 Checkout is down"
    assert "Alerts: 3, 2 of them firing" in letter.text
    assert office.statuses() == [(1, "sent")]
    office.mail.answers = [Posted(None, "No answer: ReadTimeoutError.", None, 1, begun=True)]
    office.tell(incident_id, office.change(incident_id, severity="critical"))
    assert office.statuses() == [(1, "sent"), (2, "unknown")]


def test_a_stage_without_an_address_takes_no_mail_channel(
    office: Office, set_settings: Callable[..., None]
) -> None:
    set_settings(mail_from="")
    body = {"kind": "email", "name": "x", "addresses": ["a@example.com"]}
    assert office.call("POST", "/notification-channels", body).status == 409


def test_a_test_goes_the_way_that_all_take(office: Office, slack: FakeSlack) -> None:
    for kind in ("slack", "slack_bot", "email"):
        channel_id = office.channel(kind)["id"]
        sent = office.call("POST", f"/notification-channels/{channel_id}/test")
        assert (sent.status, sent.json["status"], sent.json["incident_id"]) == (202, "pending", None)
        office.work()
        assert office.call("GET", f"/notifications/{sent.json['id']}").json["status"] == "sent"
    assert "This is a test" in slack.bodies()[0]["text"]
    assert "This is a test" in slack.bodies("chat.postMessage")[0]["text"]
    assert "This is a test" in office.mail.sent[0].text


def test_a_dry_run_shows_exactly_what_is_then_sent_and_sends_nothing(
    office: Office, slack: FakeSlack
) -> None:
    for kind in ("slack", "slack_bot", "email"):
        office.channel(kind)
    office.channel(filters={"min_severity": "critical"}, name="grave")
    incident_id = office.incident()
    office.tell(incident_id, 1, "opened")
    slack.calls.clear()
    version = office.change(incident_id, "owner_changed", owner="Ada")
    shown = office.call("POST", f"/incidents/{incident_id}/notifications/dry-run").json["items"]
    assert (slack.calls, office.queue.waiting, len(office.mail.sent)) == ([], [], 1)
    office.tell(incident_id, version, "owner_changed")
    by_kind = {one["kind"]: one for one in shown if one["told"]}
    assert [call["body"] for call in by_kind["slack"]["calls"]] == slack.bodies()
    api = slack.bodies("chat.update") + slack.bodies("chat.postMessage")
    assert [call["body"] for call in by_kind["slack_bot"]["calls"]] == api
    assert by_kind["email"]["calls"][0]["body"]["text"] == office.mail.sent[1].text
    (refused,) = [one for one in shown if not one["told"]]
    assert (refused["name"], refused["reason"], refused["calls"]) == (
        "grave",
        "It is less than critical.",
        [],
    )
    assert slack.hook not in json.dumps(shown)
    assert office.call("POST", f"/incidents/{uuid4()}/notifications/dry-run").status == 404


def press(
    office: Office,
    channel_id: str,
    action: str,
    value: str,
    *,
    secret: str = SIGNING_SECRET,
    at_s: float | None = None,
    user: str = "U0ADA",
) -> Answer:
    """As Slack posts it: no login."""
    payload = {
        "type": "block_actions",
        "user": {"id": user, "username": "ada"},
        "actions": [{"type": "button", "action_id": action, "value": value}],
    }
    body = urlencode({"payload": json.dumps(payload)})
    stamp = str(int(time.time() if at_s is None else at_s))
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": signature(secret, stamp=stamp, body=body.encode()),
    }
    return call(office.handler, "POST", f"/v1/slack/interactions/{channel_id}", body=body, headers=headers)


def button(slack: FakeSlack, action: str) -> str:
    """The value of a button of the last message."""
    blocks = list(slack.posted.values())[-1]["attachments"][0]["blocks"]
    (value,) = [e["value"] for b in blocks for e in b.get("elements", []) if e["action_id"] == action]
    return str(value)


def status_of(office: Office, incident_id: UUID) -> tuple[str, str | None]:
    with transaction(office.workspace.id) as conn:
        row = conn.execute("SELECT status, owner FROM incident WHERE id = %s", (incident_id,)).fetchone()
    assert row is not None
    return row["status"], row["owner"]


def test_buttons_acknowledge_and_resolve_and_pressed_twice_they_are_pressed_once(
    office: Office, slack: FakeSlack
) -> None:
    channel_id = office.channel("slack_bot")["id"]
    incident_id = office.incident()
    office.tell(incident_id, 1, "opened")
    value = button(slack, "acknowledge")
    for _ in range(2):
        assert press(office, channel_id, "acknowledge", value).status == 200
    assert status_of(office, incident_id) == ("investigating", "ada")
    assert len(office.bus.events) == 1
    name, detail = office.bus.events[0]
    assert (name, detail["incident_id"]) == ("incident.changed", str(incident_id))
    office.tell(incident_id, detail["version"], *detail["kinds"])
    assert "by <@U0ADA>" in slack.calls[-1].body["text"]
    assert press(office, channel_id, "resolve", value).status == 200
    assert status_of(office, incident_id)[0] == "resolved"
    # A message that is a little old does not bring it back.
    assert press(office, channel_id, "acknowledge", value).status == 200
    assert status_of(office, incident_id)[0] == "resolved"
    assert len(office.bus.events) == 2


def test_what_is_not_proven_to_be_slack_changes_nothing(office: Office, slack: FakeSlack) -> None:
    channel_id = office.channel("slack_bot")["id"]
    plain = office.channel()["id"]
    incident_id = office.incident()
    office.tell(incident_id, 1, "opened")
    value = button(slack, "resolve")
    wrong = press(office, channel_id, "resolve", value, secret="another")
    old = press(office, channel_id, "resolve", value, at_s=time.time() - 301)
    assert [(one.status, one.json["code"]) for one in (wrong, old)] == [(401, "signature-invalid")] * 2
    for nowhere in (str(uuid4()), plain):
        assert press(office, nowhere, "resolve", value).status == 404
    assert status_of(office, incident_id)[0] == "open"
    assert press(office, channel_id, "resolve", "of another app").status == 200
    assert press(office, channel_id, "something", value).status == 200
    assert status_of(office, incident_id)[0] == "open"


def test_a_button_reaches_no_incident_of_another_workspace(
    office: Office, slack: FakeSlack, other_workspace: Workspace, vault: KmsVault
) -> None:
    office.channel("slack_bot")
    incident_id = office.incident()
    office.tell(incident_id, 1, "opened")
    stranger = Office(other_workspace, vault, slack)
    theirs = stranger.channel("slack_bot")["id"]
    assert press(stranger, theirs, "resolve", button(slack, "resolve")).status == 404
    assert status_of(office, incident_id)[0] == "open"


@pytest.mark.parametrize("body", ["", "payload=", "payload=%5B%5D", "payload=" + "%5B" * 9000, "x=1", "\x00"])
def test_a_signed_body_that_is_no_payload_is_refused(office: Office, body: str) -> None:
    channel_id = office.channel("slack_bot")["id"]
    stamp = str(int(time.time()))
    headers = {
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": signature(SIGNING_SECRET, stamp=stamp, body=body.encode()),
    }
    answer = call(office.handler, "POST", f"/v1/slack/interactions/{channel_id}", body=body, headers=headers)
    assert (answer.status, answer.json["code"]) == (400, "malformed-request")


def test_webhooks_are_told_once_for_each_change(office: Office, vault: KmsVault) -> None:
    sender = office.sender
    ports: dict[Any, Any] = {
        Vault: lambda: vault,
        DelayedQueue: lambda: office.deliveries,
        WebhookSender: lambda: sender,
    }
    handler = as_lambda(create_app(outgoing, ports=ports))
    with receiving() as receiver:
        kinds = ["incident.opened", "incident.changed", "incident.resolved"]
        made = call(
            handler,
            "POST",
            "/v1/webhook-endpoints",
            body={"url": receiver.url, "event_types": kinds},
            principal=member_of(office.workspace),
        )
        assert made.status == 201, made.text
        incident_id = office.incident()
        for _ in range(3):
            office.hear(incident_id, 1, "opened")
        office.hear(incident_id, office.change(incident_id, "owner_changed", owner="Ada"), "owner_changed")
        office.hear(incident_id, office.change(incident_id, "resolved", status="resolved"), "resolved")
        for job, _ in office.deliveries.take():
            deliver(job, vault=vault, sender=sender, queue=office.deliveries, random=office.desk().random)
        told = [Webhook(made.json["secret"]).verify(one.body, one.headers) for one in receiver.received]
    assert [one["type"] for one in told] == kinds
    assert [one["data"]["change"] for one in told] == [1, 2, 3]
    assert (told[1]["data"]["owner"], told[2]["data"]["status"]) == ("Ada", "resolved")


def test_secrets_are_sealed_for_their_channel_and_shown_to_nobody(
    office: Office, slack: FakeSlack, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    made = office.channel("slack_bot")
    hook = office.channel()
    office.tell(office.incident(), 1, "opened")
    press(office, made["id"], "resolve", button(slack, "resolve"))
    printed = capsys.readouterr()
    seen = caplog.text + printed.out + printed.err + json.dumps([made, hook])
    seen += office.call("GET", "/notification-channels").text
    for secret in (TOKEN, SIGNING_SECRET, slack.hook):
        assert secret not in seen
    with transaction(office.workspace.id) as conn:
        rows = conn.execute("SELECT id, sealed FROM notification_channel").fetchall()
    sealed = {str(row["id"]): bytes(row["sealed"]) for row in rows}
    assert TOKEN.encode() not in sealed[made["id"]]
    where = {"workspace_id": str(office.workspace.id)}
    opened = json.loads(office.vault.unseal(sealed[made["id"]], purpose={**where, "channel_id": made["id"]}))
    assert opened == {"token": TOKEN, "signing_secret": SIGNING_SECRET}
    with pytest.raises(Exception, match="InvalidCiphertext"):
        office.vault.unseal(sealed[made["id"]], purpose={**where, "channel_id": hook["id"]})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "slack"}, "body.url"),
        ({"kind": "slack", "url": "https://hooks.slack.com/services/x", "token": "xoxb-1234"}, "body.token"),
        ({"kind": "slack_bot", "token": "xoxb-1234", "signing_secret": "12345678"}, "body.conversation"),
        ({"kind": "email"}, "body.addresses"),
        ({"kind": "email", "addresses": ["nobody"]}, "body.addresses.0"),
        (
            {"kind": "slack_bot", "token": "x y\nz12345", "signing_secret": "12345678", "conversation": "C1"},
            "body.token",
        ),
        (
            {
                "kind": "email",
                "addresses": ["a@example.com"],
                "quiet_hours": {"timezone": "Mars/Olympus", "begin": "22:00", "end": "07:00"},
            },
            "body.quiet_hours.timezone",
        ),
    ],
)
def test_a_channel_that_cannot_work_is_refused_with_its_field(
    office: Office, body: dict[str, Any], field: str
) -> None:
    answer = office.call("POST", "/notification-channels", {"name": "x", **body})
    assert answer.status == 422, answer.text
    assert [one["field"] for one in answer.json["errors"]] == [field]


@pytest.mark.parametrize(
    "more",
    [
        {"kind": "slack", "url": "https://example.org/services/T/B/x"},
        {
            "kind": "slack_bot",
            "token": "xoxb-1234",
            "signing_secret": "12345678",
            "conversation": "C1",
            "api_url": "https://169.254.169.254/api",
        },
    ],
)
def test_secrets_are_sent_to_slack_and_nowhere_else(office: Office, more: dict[str, Any]) -> None:
    answer = office.call("POST", "/notification-channels", {"name": "x", **more})
    assert (answer.status, answer.json["code"]) == (422, "forbidden-address")
    assert "169.254" not in answer.text


def test_channels_are_changed_listed_and_forgotten(office: Office, slack: FakeSlack) -> None:
    made = [office.channel()["id"] for _ in range(3)]
    first = office.call("GET", "/notification-channels", query="limit=2").json
    rest = office.call("GET", "/notification-channels", query=f"limit=2&cursor={first['next_cursor']}").json
    assert [one["id"] for one in first["items"] + rest["items"]] == made[::-1]
    path = f"/notification-channels/{made[0]}"
    hours = {"timezone": "Europe/Berlin", "begin": "22:00", "end": "07:00"}
    changed = office.call(
        "PATCH", path, {"name": "new", "quiet_hours": hours, "filters": {"services": ["a"]}}
    )
    assert changed.status == 200, changed.text
    assert (changed.json["name"], changed.json["quiet_hours"]["timezone"]) == ("new", "Europe/Berlin")
    assert changed.json["filters"] == {"min_severity": "info", "services": ["a"], "teams": []}
    assert office.call("PATCH", path, {"name": "newer"}).json["quiet_hours"] is not None
    assert office.call("PATCH", path, {"quiet_hours": None}).json["quiet_hours"] is None
    assert office.call("PATCH", path, {}).status == 200
    assert office.call("PATCH", path, {"addresses": ["a@example.com"]}).status == 422
    assert office.call("PATCH", path, {"token": "xoxb-1234"}).status == 422
    bot = f"/notification-channels/{office.channel('slack_bot')['id']}"
    assert office.call("PATCH", bot, {"token": "xoxb-other"}).status == 422, "the other secret would be lost"
    both = {"token": "xoxb-other", "signing_secret": "another-secret"}
    assert office.call("PATCH", bot, both).status == 200
    office.tell(office.incident(), 1, "opened")
    assert slack.calls[-1].token == "xoxb-other" or "xoxb-other" in {call.token for call in slack.calls}
    assert office.call("DELETE", path).status == 204
    assert office.call("GET", path).status == 404


def test_another_workspace_sees_and_reaches_nothing(
    office: Office, slack: FakeSlack, other_workspace: Workspace
) -> None:
    channel_id = office.channel()["id"]
    incident_id = office.incident()
    office.hear(incident_id, 1, "opened")
    (told,) = office.notifications()
    who = member_of(other_workspace)
    for method, path, body in (
        ("GET", f"/notification-channels/{channel_id}", None),
        ("PATCH", f"/notification-channels/{channel_id}", {"enabled": False}),
        ("DELETE", f"/notification-channels/{channel_id}", None),
        ("POST", f"/notification-channels/{channel_id}/test", None),
        ("POST", f"/notification-channels/{channel_id}/dry-run", None),
        ("POST", f"/incidents/{incident_id}/notifications/dry-run", None),
        ("GET", f"/notifications/{told['id']}", None),
        ("POST", f"/notifications/{told['id']}/resend", None),
    ):
        assert office.call(method, path, body, who=who).status == 404, path
    assert office.call("GET", "/notifications", who=who).json["items"] == []
    # Nor does a job of the other workspace, forged into the queue.
    ((job, _),) = office.queue.take()
    office.queue.send({**job, "workspace_id": str(other_workspace.id)})
    office.work()
    assert slack.calls == []


def test_who_may_manage_channels(office: Office) -> None:
    body = {"kind": "slack", "name": "x", "url": office.slack.hook}
    editor, viewer = (member_of(office.workspace, role) for role in ("editor", "viewer"))
    assert office.call("POST", "/notification-channels", body, who=editor).status == 403
    assert office.call("GET", "/notification-channels", who=editor).status == 200
    assert office.call("GET", "/notification-channels", who=viewer).status == 403
    assert office.call("GET", "/notifications", who=viewer).status == 200
