"""Alerts become incidents: which belong together, in whatever order and by however many workers."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.component.incidents import Desk
from tests.component.test_incidents import EVENTS, NOON_S, TRIAGE, fire
from tests.conftest import Workspace

pytestmark = pytest.mark.component


@pytest.fixture
def desk(workspace: Workspace) -> Desk:
    return Desk(workspace)


def test_alerts_of_one_service_are_one_incident_until_all_recover(desk: Desk) -> None:
    desk.fire("a", service="checkout")
    desk.fire("b", NOON_S + 60, service="checkout")
    (incident,) = desk.incidents()
    assert (incident["status"], incident["services"], incident["alert_count"]) == ("open", ["checkout"], 2)
    for name in "ab":
        desk.recover(name, NOON_S + 600)
    (incident,) = desk.incidents()
    assert (incident["status"], incident["resolved_by"], incident["firing_count"]) == (
        "resolved",
        "system",
        0,
    )
    kinds = [(event["kind"], event["version"]) for event in desk.timeline(incident["id"])]
    assert kinds == [("alert_joined", 0), ("alert_joined", 0), ("opened", 1), ("resolved", 2)]
    told = [detail for _, detail in EVENTS.published if detail["incident_id"] == incident["id"]]
    assert [(one["version"], one["kinds"]) for one in told] == [(1, ["opened"]), (2, ["resolved"])]


def test_each_alert_says_why_it_is_where_it_is(desk: Desk) -> None:
    desk.fire("a", service="checkout")
    desk.fire("b", NOON_S + 240, service="checkout")
    (incident,) = desk.incidents()
    first, second = desk.members(incident["id"])
    assert first["joined_because"] == {
        "score": None,
        "because": ["the incident began with it"],
        "alert_id": None,
    }
    assert second["joined_because"]["because"] == ["service checkout", "4 min apart"]
    assert second["joined_because"]["alert_id"] == first["id"]


@pytest.mark.parametrize(
    "other",
    [
        {"service": "search"},
        {"service": "checkout", "environment": "staging"},
        {"service": "checkout", "at_s": NOON_S + 7200},
    ],
)
def test_another_service_environment_or_hour_is_another_matter(desk: Desk, other: dict[str, Any]) -> None:
    desk.fire("a", service="checkout")
    desk.fire("b", other.pop("at_s", NOON_S), **other)
    assert len(desk.incidents("gathering")) == 2


def test_what_links_two_incidents_makes_one_of_them(desk: Desk) -> None:
    desk.fire("a", service="checkout", severity="critical")
    desk.fire("b", NOON_S + 30, service="search", severity="critical", host="node-7")
    first, second = sorted(desk.incidents(), key=lambda one: one["number"])
    desk.fire("c", NOON_S + 60, service="checkout", severity="critical", host="node-7")
    (left,) = desk.incidents()
    assert (left["id"], left["alert_count"]) == (first["id"], 3)
    reasons = [one["joined_because"]["because"][0] for one in desk.members(left["id"])]
    assert reasons == ["the incident began with it", "host node-7", "host node-7"]
    assert left["services"] == ["checkout", "search"]
    gone = desk.incident(second["id"])
    assert (gone["status"], gone["merged_into"], gone["alert_count"]) == ("merged", first["id"], 0)
    assert desk.timeline(second["id"])[-1]["kind"] == "merged"


def test_a_service_map_brings_what_depends_together(desk: Desk) -> None:
    desk.models.up = True
    try:
        body = {"services": {"checkout": ["payments-db"], "search": ["index"]}}
        said = {"services": body["services"] | {"on-call": ["checkout"], "cart": ["cart-api"]}}
        assert desk.ask("PUT", "/v1/service-map", body=said).json == body
        desk.fire("a", service="payments-db", title="It is down", severity="critical")
        desk.fire("b", NOON_S + 60, service="checkout", title="Slow again", severity="critical")
        desk.fire("c", NOON_S + 60, service="search", title="Slow anew", severity="critical")
    finally:
        desk.models.up = False
    one, other = sorted(desk.incidents(), key=lambda one: one["alert_count"])
    assert (one["services"], other["services"]) == (["search"], ["checkout", "payments-db"])
    (_, second) = desk.members(other["id"])
    assert "checkout depends on payments-db" in second["joined_because"]["because"]


def test_an_alert_again_soon_reopens_and_later_is_new(desk: Desk) -> None:
    for at_s in (NOON_S, NOON_S + 1200, NOON_S + 9000):
        desk.fire("a", at_s, service="checkout", severity="critical")
        desk.recover("a", at_s + 300)
    later, first = desk.incidents()
    assert (first["alert_count"], later["alert_count"]) == (2, 1)
    kinds = [event["kind"] for event in desk.timeline(first["id"])]
    assert kinds == ["alert_joined", "opened", "resolved", "alert_joined", "reopened", "resolved"]


def test_fifty_same_deliveries_at_once_join_once_and_are_told_of_once_at_least(desk: Desk) -> None:
    message = desk.user.message(desk.source_id, fire(tags="service:checkout", priority="P1"))
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda _: TRIAGE.take(message), range(50)))
    (incident,) = desk.incidents()
    assert incident["alert_count"] == 1
    assert [event["kind"] for event in desk.timeline(incident["id"])] == ["alert_joined", "opened"]
    told = {d["version"] for _, d in EVENTS.published if d["incident_id"] == incident["id"]}
    assert told == {1}


def test_what_was_not_told_is_told_when_the_delivery_comes_again(desk: Desk) -> None:
    message = desk.user.message(desk.source_id, fire(tags="service:checkout", priority="P1"))
    with EVENTS.down(), pytest.raises(OSError, match="the bus"):
        TRIAGE.take(message)
    (incident,) = desk.incidents()
    assert not [d for _, d in EVENTS.published if d["incident_id"] == incident["id"]]
    TRIAGE.take(message)
    (told,) = [d for _, d in EVENTS.published if d["incident_id"] == incident["id"]]
    assert (told["version"], told["kinds"]) == (1, ["opened"])


def test_a_clock_ahead_puts_an_alert_where_it_arrived(desk: Desk) -> None:
    desk.fire("a", service="checkout")
    desk.user.deliver(
        desk.source_id,
        fire(NOON_S + 86_400, "b", title="b is high", tags="service:checkout"),
        at_s=NOON_S + 60,
    )
    (incident,) = desk.incidents()
    assert incident["alert_count"] == 2


def test_another_workspace_takes_no_part(desk: Desk, other_workspace: Workspace) -> None:
    stranger = Desk(other_workspace)
    for one in (desk, stranger):
        one.fire("a", service="checkout", severity="critical")
    (mine,), (theirs,) = desk.incidents(), stranger.incidents()
    assert (mine["number"], theirs["number"]) == (1, 1)
    for path in ("", "/alerts", "/timeline", "/similar"):
        assert stranger.ask("GET", f"/v1/incidents/{mine['id']}{path}").status == 404
    assert stranger.ask("PATCH", f"/v1/incidents/{mine['id']}", body={"owner": "me"}).status == 404
    merged = stranger.ask("POST", f"/v1/incidents/{theirs['id']}/merge", body={"incident_ids": [mine["id"]]})
    assert merged.status == 404


def test_an_alert_that_never_ends_does_not_tie_hours_together(desk: Desk) -> None:
    desk.fire("a", service="checkout", severity="critical")
    desk.fire("a", NOON_S + 120, service="checkout", severity="critical")
    desk.fire("b", NOON_S + 180, service="checkout", severity="critical")
    desk.fire("a", NOON_S + 9000, service="checkout", severity="critical")
    desk.fire("c", NOON_S + 9060, service="checkout", severity="critical")
    assert [one["alert_count"] for one in desk.incidents()] == [1, 2]
