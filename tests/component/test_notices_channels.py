"""Channels as their owners manage them: secrets sealed, tests and dry-runs, and nothing across workspaces."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from sightline.database import transaction
from tests.component.conftest import member_of
from tests.component.notices import (  # noqa: F401 - fixtures
    SIGNING_SECRET,
    TOKEN,
    Office,
    button,
    made_vault,
    opened_office,
    press,
    served_slack,
)
from tests.conftest import Workspace
from tests.fake_slack import FakeSlack

pytestmark = pytest.mark.component


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
