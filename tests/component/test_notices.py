"""Incidents as people hear of them: once for each change, in whatever order and however often it comes."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks.webhooks import Webhook

from sightline.database import transaction
from sightline.http import as_lambda, create_app
from sightline.incidents.grouping import store as incidents
from sightline.incidents.notices.reading import story_in
from sightline.outgoing.delivery import deliver
from sightline.outgoing.routes import router as outgoing
from sightline.ports.outgoing import Posted, Vault, WebhookSender
from sightline.ports.work import DelayedQueue
from sightline.providers.kms import KmsVault
from tests.component.conftest import call, member_of
from tests.component.notices import (  # noqa: F401 - fixtures
    TOKEN,
    Dies,
    Office,
    made_vault,
    opened_office,
    served_slack,
)
from tests.fake_slack import FakeSlack
from tests.webhook_receiver import receiving

pytestmark = pytest.mark.component


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


def test_what_happens_while_it_is_read_is_news_of_the_next(office: Office) -> None:
    incident_id = office.incident()
    office.change(incident_id, severity="critical")
    with transaction(office.workspace.id) as conn:
        seen = incidents.incident(conn, incident_id)
    assert seen is not None
    office.change(incident_id, "owner_changed", owner="Ada")
    with transaction(office.workspace.id) as conn:
        story = story_in(conn, {"id": uuid4(), "told_version": 1}, seen)
    assert [one.text for one in story.news] == ["Severity: high → critical"]


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


def test_a_summary_is_told_with_its_incident(office: Office, slack: FakeSlack) -> None:
    for kind in ("slack", "email"):
        office.channel(kind)
    incident_id = office.incident()
    office.summarise(incident_id, ["The checkout lost its <database>.", "Two alerts say so."])
    office.tell(incident_id, 1, "opened")
    blocks = slack.bodies()[0]["attachments"][0]["blocks"]
    summary = "The checkout lost its <database>. Two alerts say so."
    assert summary.replace("<", "&lt;").replace(">", "&gt;") in [
        one["text"]["text"] for one in blocks if "text" in one
    ]
    assert summary in office.mail.sent[0].text


def test_webhooks_are_told_once_for_each_change(office: Office, channel_vault: KmsVault) -> None:
    sender = office.sender
    ports: dict[Any, Any] = {
        Vault: lambda: channel_vault,
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
            deliver(
                job, vault=channel_vault, sender=sender, queue=office.deliveries, random=office.desk().random
            )
        told = [Webhook(made.json["secret"]).verify(one.body, one.headers) for one in receiver.received]
    assert [one["type"] for one in told] == kinds
    assert [one["data"]["change"] for one in told] == [1, 2, 3]
    assert (told[1]["data"]["owner"], told[2]["data"]["status"]) == ("Ada", "resolved")
