"""A workspace with incidents, channels, a fake Slack, and the function behind the queue of notifications."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import boto3
import pytest
from psycopg.types.json import Jsonb

from sightline.database import transaction
from sightline.http import as_lambda, create_app
from sightline.incidents.grouping import store as incidents
from sightline.incidents.grouping import timeline_store
from sightline.incidents.notices.buttons import Buttons
from sightline.incidents.notices.choosing import incident_changed
from sightline.incidents.notices.interactions import router as interactions
from sightline.incidents.notices.posting import Post
from sightline.incidents.notices.routes import router
from sightline.incidents.notices.sending import Desk
from sightline.incidents.notices.signatures import signature
from sightline.incidents.notices.upkeep import sweep
from sightline.ports.outgoing import ChannelVault, Mail, Posted, Vault
from sightline.ports.work import Events, NoticeQueue
from sightline.providers.kms import KmsVault
from sightline.providers.webhook_sender import PinnedSender
from tests.component.conftest import Answer, Handler, call, member_of
from tests.conftest import Workspace
from tests.fake_slack import FakeSlack, fake_slack

TOKEN, SIGNING_SECRET = "xoxb-of-the-bot", "secret-of-the-app"
Json = dict[str, Any]


class PaperQueue:
    """What waits, and for how long."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Json, int]] = []
        self._lock = threading.Lock()

    def send(self, message: Mapping[str, Any], *, delay_s: int = 0) -> None:
        with self._lock:
            self.waiting.append((dict(message), delay_s))

    def take(self) -> list[tuple[Json, int]]:
        with self._lock:
            taken, self.waiting = self.waiting, []
        return taken


class PaperBus:
    """Remembers what was published."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Json]] = []

    def publish(self, name: str, detail: Mapping[str, Any]) -> None:
        self.events.append((name, dict(detail)))


class PaperMail:
    """Keeps letters; answers `answers` one after the other, then 200."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.answers: list[Posted] = []

    def send(self, mail: Mail) -> Posted:
        self.sent.append(mail)
        return self.answers.pop(0) if self.answers else Posted(200, None, None, 1, begun=True)


class Office:
    """Everything between an incident's change and the channel that hears of it."""

    def __init__(self, workspace: Workspace, vault: Vault, slack: FakeSlack) -> None:
        self.workspace, self.vault, self.slack = workspace, vault, slack
        self.queue, self.deliveries = PaperQueue(), PaperQueue()
        self.bus, self.mail = PaperBus(), PaperMail()
        self.sender = PinnedSender(loopback=True, keep_bytes=100_000)
        ports: dict[Any, Any] = {
            ChannelVault: lambda: vault,
            NoticeQueue: lambda: self.queue,
            Events: lambda: self.bus,
        }
        self.handler: Handler = as_lambda(create_app(router, interactions, ports=ports))

    def call(self, method: str, path: str, body: Any = None, *, who: Any = None, **more: Any) -> Answer:
        principal = who or member_of(self.workspace)
        return call(self.handler, method, f"/v1{path}", body=body, principal=principal, **more)

    def channel(self, kind: str = "slack", **more: Any) -> Json:
        """A new one that leads to the fake."""
        own: Json = {
            "slack": {"url": self.slack.hook},
            "slack_bot": {
                "token": TOKEN,
                "signing_secret": SIGNING_SECRET,
                "conversation": "C0123",
                "api_url": self.slack.api,
            },
            "email": {"addresses": ["oncall@example.com"]},
        }[kind]
        made = self.call("POST", "/notification-channels", {"kind": kind, "name": "ops", **own, **more})
        assert made.status == 201, made.text
        answer: Json = made.json
        return answer

    def incident(self, **more: Any) -> UUID:
        """An open one, whose opening is in its timeline."""
        values = {"title": "Checkout is down", "severity": "high", "services": ["checkout"], **more}
        with transaction(self.workspace.id) as conn:
            row = conn.execute(
                "INSERT INTO incident (workspace_id, number, title, severity, services, status, opened_at,"
                " first_alert_at, last_alert_at, alert_count, firing_count) SELECT %(workspace)s,"
                " coalesce(max(number), 0) + 1, %(title)s, %(severity)s, %(services)s, 'open', now(), now(),"
                " now(), 3, 2 FROM incident RETURNING *",
                {**values, "workspace": self.workspace.id},
            ).fetchone()
            assert row is not None
            timeline_store.add_event(
                conn, row, "opened", "system", {"status": "gathering"}, {"status": "open"}
            )
        return UUID(str(row["id"]))

    def change(
        self, incident_id: UUID, kind: str = "severity_changed", *, actor: str = "system", **values: Any
    ) -> int:
        """Changes columns, and says so in the timeline; the version after it."""
        with transaction(self.workspace.id) as conn:
            row = incidents.incident(conn, incident_id, lock=True)
            assert row is not None
            if values:
                incidents.set_incident(conn, incident_id, **values)
            before = {name: str(row[name]) for name in values}
            after = {name: str(value) for name, value in values.items()}
            return timeline_store.add_event(conn, row, kind, actor, before, after)

    def event(self, incident_id: UUID, version: int, *kinds: str) -> Json:
        """As it comes from the bus."""
        detail = {
            "workspace_id": str(self.workspace.id),
            "incident_id": str(incident_id),
            "version": version,
            "kinds": list(kinds) or ["severity_changed"],
        }
        return {"detail-type": "incident.changed", "source": "sightline", "detail": detail}

    def hear(self, incident_id: UUID, version: int, *kinds: str) -> None:
        """The function takes an event."""
        incident_changed(
            self.event(incident_id, version, *kinds), notices=self.queue, deliveries=self.deliveries
        )

    def desk(self, sender: Any = None) -> Desk:
        post = Post(self.vault, sender or self.sender, self.mail)
        return Desk(post, self.queue, Random(1))

    def work(self, sender: Any = None) -> list[int]:
        """One round over what waits now; the pauses that follow."""
        for job, _ in self.queue.take():
            if "pressed" in job:
                Buttons(self.vault, self.sender, self.bus).take(job["pressed"])
            else:
                self.desk(sender).take(job)
        return [delay_s for _, delay_s in self.queue.waiting]

    def tell(self, incident_id: UUID, version: int, *kinds: str) -> list[int]:
        """Heard, and worked off."""
        self.hear(incident_id, version, *kinds)
        return self.work()

    def time_passes(self) -> None:
        """Whatever is due later is due now, and every lease has ended."""
        with transaction(self.workspace.id) as conn:
            conn.execute(
                "UPDATE notification_message SET next_attempt_at = now() - interval '1 hour',"
                " swept_at = now() - interval '1 hour',"
                " leased_until = CASE WHEN leased_until IS NOT NULL THEN now() - interval '1 hour' END"
            )
            conn.execute("UPDATE notification_channel SET busy_until = NULL")
            conn.execute("UPDATE notification_channel SET held_until = now() WHERE held_until IS NOT NULL")

    def sweep(self) -> list[int]:
        """A minute's round, worked off."""
        sweep(queue=self.queue)
        mine = [(job, 0) for job, _ in self.queue.take() if job["workspace_id"] == str(self.workspace.id)]
        self.queue.waiting = mine
        self.work()
        return self.work()

    def notifications(self, query: str = "") -> list[Json]:
        """Oldest first."""
        answer = self.call("GET", "/notifications", query=query)
        assert answer.status == 200, answer.text
        return list(reversed(answer.json["items"]))

    def statuses(self, query: str = "") -> list[tuple[int, str]]:
        return [(one["version"], one["status"]) for one in self.notifications(query)]

    def summarise(self, incident_id: UUID, sentences: Sequence[str]) -> None:
        with transaction(self.workspace.id) as conn:
            conn.execute(
                "INSERT INTO incident_summary (workspace_id, incident_id, of_version, alert_count,"
                " firing_count, because, sentences, written_by, degraded, dropped)"
                " VALUES (%s, %s, 1, 3, 2, 'opened', %s, 'extractive', false, 0)",
                (
                    self.workspace.id,
                    incident_id,
                    Jsonb([{"text": one, "alert_ids": []} for one in sentences]),
                ),
            )


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


def press(
    office: Office,
    channel_id: str,
    action: str,
    value: str,
    *,
    secret: str = SIGNING_SECRET,
    at_s: float | None = None,
    user: str = "U0ADA",
    work: bool = True,
) -> Answer:
    """As Slack posts it, without a login; then it is worked off."""
    payload = {
        "type": "block_actions",
        "user": {"id": user, "username": "ada"},
        "response_url": office.slack.hook,
        "actions": [{"type": "button", "action_id": action, "value": value}],
    }
    body = urlencode({"payload": json.dumps(payload)})
    stamp = str(int(time.time() if at_s is None else at_s))
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": signature(secret, stamp=stamp, body=body.encode()),
    }
    path = f"/v1/slack/interactions/{channel_id}"
    answer = call(office.handler, "POST", path, body=body, headers=headers)
    if work:
        office.work()
    return answer


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


@pytest.fixture(scope="session", name="channel_vault")
def made_vault(emulator: str) -> KmsVault:
    kms = boto3.client("kms", endpoint_url=emulator)
    return KmsVault(kms.create_key()["KeyMetadata"]["KeyId"], kms)


@pytest.fixture(name="slack")
def served_slack() -> Iterator[FakeSlack]:
    with fake_slack() as one:
        yield one


@pytest.fixture(name="office")
def opened_office(
    workspace: Workspace, channel_vault: KmsVault, slack: FakeSlack, set_settings: Callable[..., None]
) -> Office:
    set_settings(webhook_loopback=True, mail_from="sightline@example.com")
    return Office(workspace, channel_vault, slack)
