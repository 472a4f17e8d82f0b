"""What people and time do to incidents: changed, snoozed, merged, split, held back, found again."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from sightline.database import transaction
from sightline.incidents.grouping.upkeep import look_after
from tests.component.incidents import Desk
from tests.component.test_incidents import EVENTS, NOON_S
from tests.conftest import Workspace

pytestmark = pytest.mark.component

MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk(workspace: Workspace) -> Desk:
    return Desk(workspace)


def opened(desk: Desk, name: str = "a", **about: Any) -> dict[str, Any]:
    """An incident of one grave alert."""
    desk.fire(name, **{"service": "checkout", "severity": "critical", **about})
    return desk.incidents()[0]


def looked_after(desk: Desk, incident_id: str) -> None:
    look_after(desk.workspace.id, UUID(incident_id), events=EVENTS)


def test_a_change_says_who_made_it_and_twice_changes_nothing(desk: Desk) -> None:
    incident = opened(desk)
    change = {"status": "investigating", "owner": "ada", "severity": "low", "title": "Payments fail"}
    first, second = (desk.change(incident["id"], **change) for _ in range(2))
    assert {name: first[name] for name in change} == change
    assert (first["version"], second["version"]) == (5, 5)
    done = desk.timeline(incident["id"])[-4:]
    kinds = {"owner_changed", "severity_changed", "title_changed", "status_changed"}
    assert {event["kind"] for event in done} == kinds
    assert {event["actor"] for event in done} == {f"user:{desk.workspace.user_id}"}
    (status,) = (event for event in done if event["kind"] == "status_changed")
    assert (status["before"], status["after"]) == ({"status": "open"}, {"status": "investigating"})
    desk.fire("b", NOON_S + 60, service="checkout", severity="critical")
    after = desk.incident(incident["id"])
    assert (after["alert_count"], after["title"], after["severity"]) == (2, "Payments fail", "low")
    assert desk.change(incident["id"], owner="")["owner"] is None


def test_what_a_person_resolved_reopens_with_what_fires_later_alone(desk: Desk) -> None:
    incident = opened(desk)
    resolved = desk.change(incident["id"], status="resolved", note="rolled back")
    assert (resolved["status"], resolved["resolution"]) == ("resolved", "rolled back")
    desk.fire("b", NOON_S + 60, service="checkout", severity="critical")
    assert desk.incident(incident["id"])["status"] == "resolved"
    with transaction(desk.workspace.id) as conn:
        conn.execute("UPDATE incident SET resolved_at = to_timestamp(%s)", (NOON_S + 100,))
    desk.fire("a", NOON_S + 4000, service="checkout", severity="critical")
    again = desk.incident(incident["id"])
    assert (again["status"], again["alert_count"]) == ("open", 2)
    assert [event["kind"] for event in desk.timeline(incident["id"])][-1] == "reopened"


def test_a_note_stands_in_the_timeline_and_tells_nobody(desk: Desk) -> None:
    incident = opened(desk)
    for _ in range(2):
        answer = desk.ask("POST", f"/v1/incidents/{incident['id']}/notes", body={"text": "looking"})
        assert (answer.status, answer.json["version"]) == (201, incident["version"])
    (note,) = (event for event in desk.timeline(incident["id"]) if event["kind"] == "noted")
    assert note["reason"] == "looking"


def test_a_snooze_ends_by_itself_or_by_hand(desk: Desk) -> None:
    incident = opened(desk)
    until = datetime.now(UTC) + 60 * MINUTE
    path = f"/v1/incidents/{incident['id']}/snooze"
    snoozed = desk.ask("POST", path, body={"until": until.isoformat()}).json
    assert datetime.fromisoformat(snoozed["snoozed_until"]) == until
    assert desk.ask("POST", path, body={"until": None}).json["snoozed_until"] is None
    desk.ask("POST", path, body={"until": until.isoformat()})
    with transaction(desk.workspace.id) as conn:
        conn.execute(
            "UPDATE incident SET snoozed_until = now(), look_at = now(), swept_at = now() - '1 h'::interval"
        )
    with transaction() as conn:
        claimed = conn.execute("SELECT * FROM app.claim_incidents(30, 1000)").fetchall()
    assert UUID(incident["id"]) in {row["incident_id"] for row in claimed}
    looked_after(desk, incident["id"])
    assert desk.incident(incident["id"])["snoozed_until"] is None
    kinds = [event["kind"] for event in desk.timeline(incident["id"])][2:]
    assert kinds == ["snoozed", "unsnoozed", "snoozed", "unsnoozed"]


def test_a_person_merges_and_later_alerts_follow(desk: Desk) -> None:
    first, second = opened(desk), opened(desk, "b", service="search")
    merge = f"/v1/incidents/{first['id']}/merge"
    for _ in range(2):
        merged = desk.ask("POST", merge, body={"incident_ids": [second["id"]]}).json
        assert (merged["alert_count"], merged["services"]) == (2, ["checkout", "search"])
    desk.fire("c", NOON_S + 60, service="search", severity="critical")
    assert desk.incident(first["id"])["alert_count"] == 3
    refused = desk.ask("PATCH", f"/v1/incidents/{second['id']}", body={"owner": "ada"})
    assert (refused.status, refused.json["code"]) == (409, "conflict")


def test_what_a_person_split_no_alert_brings_together_again(desk: Desk) -> None:
    opened(desk)
    incident = opened(desk, "b", at_s=NOON_S + 30)
    assert incident["alert_count"] == 2
    (_, second) = desk.members(incident["id"])
    split = f"/v1/incidents/{incident['id']}/split"
    assert desk.ask("POST", split, body={"alert_ids": [str(uuid4())]}).status == 404
    made = desk.ask("POST", split, body={"alert_ids": [second["id"]]}).json
    assert (made["status"], made["alert_count"]) == ("open", 1)
    desk.fire("c", NOON_S + 60, service="checkout", severity="critical")
    assert sorted(one["alert_count"] for one in desk.incidents()) == [1, 2]
    whole = desk.ask("POST", f"/v1/incidents/{incident['id']}/merge", body={"incident_ids": [made["id"]]})
    assert whole.json["alert_count"] == 3
    alone = [alert["id"] for alert in desk.members(incident["id"])]
    assert desk.ask("POST", split, body={"alert_ids": alone}).status == 409


def test_in_a_maintenance_alerts_are_kept_and_nobody_is_told(desk: Desk) -> None:
    starts = datetime.fromtimestamp(NOON_S, UTC) - 10 * MINUTE
    window = {
        "reason": "moving the database",
        "services": ["Checkout-API"],
        "environments": ["prod"],
        "starts_at": starts.isoformat(),
        "ends_at": (datetime.now(UTC) + 60 * MINUTE).isoformat(),
    }
    made = desk.ask("POST", "/v1/maintenance-windows", body=window)
    assert (made.status, made.json["services"], made.json["environments"]) == (
        201,
        ["checkout"],
        ["production"],
    )
    desk.fire("a", service="checkout", severity="critical")
    desk.fire("b", service="checkout", severity="critical", environment="staging")
    assert [one["environment"] for one in desk.incidents()] == ["staging"]
    (held,) = desk.incidents("gathering")
    assert held["alert_count"] == 1
    assert desk.ask("DELETE", f"/v1/maintenance-windows/{made.json['id']}").status == 204
    assert desk.ask("GET", "/v1/maintenance-windows").json["items"] == []
    looked_after(desk, held["id"])
    assert desk.incident(held["id"])["status"] == "open"
    nobody = desk.ask("POST", "/v1/maintenance-windows", body={**window, "services": ["checkout", "on-call"]})
    assert (nobody.status, nobody.json["errors"][0]["field"]) == (422, "body.services")
    window["ends_at"] = window["starts_at"]
    assert desk.ask("POST", "/v1/maintenance-windows", body=window).status == 422


def test_settings_say_when_somebody_is_told_and_when_it_is_over(desk: Desk) -> None:
    put = {"alerts_needed": 3, "opens_at_once": None, "auto_resolve": True, "resolve_after_s": 600}
    kept = desk.ask("PUT", "/v1/incident-settings", body=put).json
    assert desk.ask("GET", "/v1/incident-settings", role="viewer").json == kept == {**put, "reopen_s": 1800}
    assert desk.ask("PUT", "/v1/incident-settings", role="editor", body=put).status == 403
    for number, name in enumerate("abc"):
        assert desk.incidents() == []
        desk.fire(name, NOON_S + number, service="checkout", severity="critical")
    (incident,) = desk.incidents()
    now_s = datetime.now(UTC).timestamp()
    for name in "abc":
        desk.recover(name, now_s)
    assert desk.incident(incident["id"])["status"] == "open"
    with transaction(desk.workspace.id) as conn:
        conn.execute("UPDATE alert SET recovered_at = recovered_at - '11 min'::interval")
    looked_after(desk, incident["id"])
    assert desk.incident(incident["id"])["status"] == "resolved"


def test_what_was_like_it_comes_with_what_resolved_it(desk: Desk) -> None:
    desk.models.up = True
    try:
        past = opened(desk, title="The disk is full")
        desk.change(past["id"], status="resolved", note="made it larger")
        other = opened(desk, "b", service="search", title="Something else is slow")
        desk.change(other["id"], status="resolved")
        now = opened(desk, "c", at_s=NOON_S + 7200, service="cart", title="Our disk is full")
    finally:
        desk.models.up = False
    found = desk.ask("GET", f"/v1/incidents/{now['id']}/similar").json["items"]
    assert [(one["id"], one["resolution"]) for one in found] == [(past["id"], "made it larger")]
    assert found[0]["similarity"] == 1.0
    assert desk.ask("GET", f"/v1/incidents/{other['id']}/similar").json["items"] == []


def test_the_sweep_tells_what_was_lost_on_the_way(desk: Desk) -> None:
    incident = opened(desk)
    with transaction(desk.workspace.id) as conn:
        conn.execute("UPDATE incident SET told_version = 0, updated_at = now() - '1 h'::interval")
    before = len(EVENTS.published)
    looked_after(desk, incident["id"])
    told = [detail for _, detail in EVENTS.published[before:]]
    assert [(one["incident_id"], one["version"], one["kinds"]) for one in told] == [
        (incident["id"], 1, ["opened"])
    ]
    looked_after(desk, incident["id"])
    assert len(EVENTS.published) == before + 1


def test_a_viewer_looks_and_changes_nothing(desk: Desk) -> None:
    incident = opened(desk)
    path = f"/v1/incidents/{incident['id']}"
    assert desk.ask("GET", path, role="viewer").status == 200
    for method, where, body in (
        ("PATCH", path, {"owner": "ada"}),
        ("POST", f"{path}/snooze", {}),
        ("POST", f"{path}/notes", {"text": "x"}),
        ("POST", f"{path}/merge", {"incident_ids": [str(uuid4())]}),
        ("POST", f"{path}/split", {"alert_ids": [str(uuid4())]}),
        ("PUT", "/v1/service-map", {"services": {}}),
    ):
        assert desk.ask(method, where, role="viewer", body=body).status == 403


def test_an_incident_is_found_by_its_number_whatever_became_of_it(desk: Desk) -> None:
    kept, gone = opened(desk), opened(desk, "b", service="search")
    desk.ask("POST", f"/v1/incidents/{kept['id']}/merge", body={"incident_ids": [gone["id"]]})

    def numbered(query: str) -> list[str]:
        return [one["id"] for one in desk.ask("GET", "/v1/incidents", query=query).json["items"]]

    assert (numbered("number=1"), numbered("number=2"), numbered("number=3")) == (
        [kept["id"]],
        [gone["id"]],
        [],
    )
    assert numbered("number=2&status=open") == []
    assert desk.ask("GET", "/v1/incidents", query="number=0").status == 422


def test_lists_filter_and_go_on_where_they_ended(desk: Desk) -> None:
    for number in range(5):
        opened(desk, f"m{number}", service=f"service-{number}", severity="critical" if number else "high")
    page = desk.ask("GET", "/v1/incidents", query="limit=3").json
    rest = desk.ask("GET", "/v1/incidents", query=f"limit=3&cursor={page['next_cursor']}").json
    numbers = [one["number"] for one in (*page["items"], *rest["items"])]
    assert (numbers, rest["next_cursor"]) == ([5, 4, 3, 2, 1], None)
    assert len(desk.ask("GET", "/v1/incidents", query="severity=high").json["items"]) == 1
    assert len(desk.ask("GET", "/v1/incidents", query="service=service-3").json["items"]) == 1
    incident = desk.incidents()[0]["id"]
    first = desk.ask("GET", f"/v1/incidents/{incident}/timeline", query="limit=1").json
    last = desk.ask("GET", f"/v1/incidents/{incident}/timeline", query=f"cursor={first['next_cursor']}").json
    assert [event["kind"] for event in (*first["items"], *last["items"])] == ["alert_joined", "opened"]
