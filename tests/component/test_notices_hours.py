"""Who is told, and at which hour: filters, quiet hours, snoozes and maintenance."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from sightline.database import transaction
from tests.component.notices import Office, made_vault, opened_office, served_slack  # noqa: F401 - fixtures
from tests.fake_slack import FakeSlack

pytestmark = pytest.mark.component


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
    (shown,) = office.call("POST", f"/incidents/{first}/notifications/dry-run").json["items"]
    assert re.fullmatch(r"It is held back until \d{4}-\d\d-\d\d \d\d:\d\d \(UTC\)\.", shown["reason"])
    office.time_passes()
    office.sweep()
    assert slack.calls == [], "its hours go on"
    # The hours are over (here: its owner ends them), and Slack fails at first: it stays one digest.
    slack.script = [(500, {})]
    never = {"begin": "00:00", "end": "00:00"}
    office.call("PATCH", f"/notification-channels/{channel_id}", {"quiet_hours": never})
    for _ in range(2):
        assert office.sweep() == []
        office.time_passes()
    failed, digest = slack.bodies()
    assert failed == digest
    text = json.dumps(digest, ensure_ascii=False)
    assert "While it was quiet: 2 incidents" in digest["text"]
    assert "INC-1" in text
    assert "✅ *INC-2* Search is slow: high, resolved" in text
    assert [status for _, status in office.statuses()] == ["sent", "superseded", "sent"]
    office.sweep()
    assert len(slack.calls) == 2


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
