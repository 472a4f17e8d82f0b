"""Alerts become incidents: which belong together, what becomes of an incident, who is told of it."""

from typing import Any

import pytest

from sightline.database import transaction
from tests.component.test_incidents import EVENTS, NOON_S, User, fire, recover, user  # noqa: F401

pytestmark = pytest.mark.component


def incidents(user: User) -> list[dict[str, Any]]:  # noqa: F811
    with transaction(user.workspace.id) as conn:
        return conn.execute("SELECT * FROM incident ORDER BY number").fetchall()


def timeline(user: User) -> list[tuple[str, int]]:  # noqa: F811
    with transaction(user.workspace.id) as conn:
        rows = conn.execute("SELECT kind, version FROM incident_event ORDER BY seq").fetchall()
    return [(row["kind"], row["version"]) for row in rows]


def test_alerts_of_one_service_are_one_incident_until_all_recover(user: User) -> None:  # noqa: F811
    source_id = user.add_source()
    about = [{"monitor": name, "title": f"{name} is high", "tags": "service:checkout"} for name in "ab"]
    for number, alert in enumerate(about):
        user.deliver(source_id, fire(NOON_S + 60 * number, **alert), at_s=NOON_S + 60)
    (incident,) = incidents(user)
    assert (incident["status"], incident["services"], incident["alert_count"]) == ("open", ["checkout"], 2)
    for name in "ab":
        user.deliver(source_id, recover(NOON_S + 600, monitor=name), at_s=NOON_S + 600)
    (incident,) = incidents(user)
    assert (incident["status"], incident["resolved_by"], incident["firing_count"]) == (
        "resolved",
        "system",
        0,
    )
    assert timeline(user) == [("alert_joined", 0), ("alert_joined", 0), ("opened", 1), ("resolved", 2)]
    told = [detail for _, detail in EVENTS.published if detail["incident_id"] == str(incident["id"])]
    assert [(one["version"], one["kinds"]) for one in told] == [(1, ["opened"]), (2, ["resolved"])]
