"""What becomes of an incident when its alerts change: opened, graver, resolved, reopened, merged."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sightline.database import Connection, Row
from sightline.incidents.grouping import member_store, names, rules, store, timeline_store
from sightline.incidents.grouping.schemas import Facts, Settings

SYSTEM = "system"
_FACTS = tuple(field.name for field in fields(Facts))
_SAID = ("services", "environment", "first_alert_at", "last_alert_at")
"""What an incident has from its alerts and nobody else changes."""


def refresh(conn: Connection, incident_id: UUID, *, settings: Settings) -> None:
    """Says what its alerts say, and writes down what that changed."""
    incident = store.incident(conn, incident_id, lock=True)
    if incident is None or incident["status"] == "merged":
        return
    row = member_store.facts(conn, incident_id)
    facts = Facts(**{name: row[name] for name in _FACTS})
    values: dict[str, Any] = {name: row[name] for name in _SAID if row[name] is not None}
    if incident["title_by"] is None and row["title"]:
        values["title"] = names.title_of(row["title"])
    store.set_incident(conn, incident_id, **values, alert_count=facts.alerts, firing_count=facts.firing)
    told = incident["opened_at"] is not None
    _severity(conn, incident, row, quietly=not told)
    if not told and rules.enough(facts, settings):
        incident = _open(conn, incident, facts)
    elif told and _too_early(incident, facts, settings):
        incident = _close(conn, incident, facts)
    if incident["opened_at"] is not None:
        _reached(conn, incident, facts)
        incident = _status(conn, incident, facts, settings)
    store.set_incident(conn, incident_id, look_at=_look_at(incident, facts, settings))


def _open(conn: Connection, incident: Row, facts: Facts) -> Row:
    """From now on people are told of it."""
    values: dict[str, Any] = {"status": "open", "opened_at": datetime.now(UTC)}
    store.set_incident(conn, incident["id"], **values)
    before, after = {"status": incident["status"]}, {"status": "open", "alerts": facts.alerts}
    timeline_store.add_event(conn, incident, "opened", SYSTEM, before, after)
    return {**incident, **values}


def _too_early(incident: Row, facts: Facts, settings: Settings) -> bool:
    """Told of for alerts that turned out to be another's, and nobody has looked at it yet."""
    untouched = incident["status"] == "open" and not incident["held"] and incident["owner"] is None
    return untouched and facts.alerts < incident["alert_count"] and not rules.enough(facts, settings)


def _close(conn: Connection, incident: Row, facts: Facts) -> Row:
    """What is left is too little to tell anybody of."""
    values: dict[str, Any] = {"status": "gathering", "opened_at": None}
    store.set_incident(conn, incident["id"], **values)
    before, after = {"status": "open"}, {"status": "gathering", "alerts": facts.alerts}
    reason = "its alerts belong to another incident"
    timeline_store.add_event(conn, incident, "withdrawn", SYSTEM, before, after, reason)
    return {**incident, **values}


def _severity(conn: Connection, incident: Row, row: Row, *, quietly: bool) -> None:
    """The gravest of its alerts, unless a person set it."""
    before, after = incident["severity"], row["severity"]
    if incident["severity_by"] is not None or after is None or after == before:
        return
    store.set_incident(conn, incident["id"], severity=after)
    if not quietly:
        timeline_store.add_event(
            conn, incident, "severity_changed", SYSTEM, {"severity": before}, {"severity": after}
        )


def _reached(conn: Connection, incident: Row, facts: Facts) -> None:
    """Tells of 5, 10, 20, ... alerts, once."""
    step = rules.step_of(facts.alerts)
    if step > incident["reached"]:
        store.set_incident(conn, incident["id"], reached=step)
        timeline_store.add_event(
            conn,
            incident,
            "alerts_reached",
            SYSTEM,
            {"alerts": incident["alert_count"]},
            {"alerts": facts.alerts, "step": step},
        )


def _status(conn: Connection, incident: Row, facts: Facts, settings: Settings) -> Row:
    """Resolves what is over, reopens what goes on."""
    before = incident["status"]
    by_person = incident["resolved_by"] not in (None, SYSTEM)
    after = rules.status_of(before, incident["resolved_at"], by_person=by_person, facts=facts)
    if after != before:
        values: dict[str, Any] = {"status": after, "resolved_at": None, "resolved_by": None}
        store.set_incident(conn, incident["id"], **values)
        timeline_store.add_event(
            conn, incident, "reopened", SYSTEM, {"status": before}, {"status": after}, "an alert fires again"
        )
        return {**incident, **values}
    over_at = rules.resolves_at(facts, settings)
    if before in ("open", "investigating") and over_at is not None and over_at <= datetime.now(UTC):
        values = {"status": "resolved", "resolved_at": datetime.now(UTC), "resolved_by": SYSTEM}
        store.set_incident(conn, incident["id"], **values, vector=store.mean_vector(conn, incident["id"]))
        timeline_store.add_event(
            conn,
            incident,
            "resolved",
            SYSTEM,
            {"status": before},
            {"status": "resolved"},
            "every alert recovered",
        )
        return {**incident, **values}
    return incident


def _look_at(incident: Row, facts: Facts, settings: Settings) -> datetime | None:
    """When time alone changes something."""
    over_at = rules.resolves_at(facts, settings)
    unresolved = incident["status"] in ("open", "investigating")
    moments = [
        incident["snoozed_until"],
        facts.muted_until if incident["opened_at"] is None or incident["status"] == "resolved" else None,
        over_at if unresolved else None,
    ]
    return min((moment for moment in moments if moment is not None), default=None)


def seniority(incident: Row) -> tuple[Any, ...]:
    """The least stays when two become one: held, told of, begun first."""
    told = incident["opened_at"] is not None
    return not incident["held"], not told, incident["first_alert_at"], incident["number"]


def absorb(conn: Connection, stays: Row, goes: Row, *, actor: str, reason: str) -> None:
    """Its alerts move, and what must stay apart from it stays apart from the other."""
    moved = member_store.move_alerts(conn, source=goes["id"], target=stays["id"])
    member_store.put_together(conn, stays["id"], goes["id"])
    for other in member_store.apart_from(conn, goes["id"]):
        member_store.put_apart(conn, stays["workspace_id"], stays["id"], other)
    store.set_incident(
        conn,
        goes["id"],
        status="merged",
        merged_into=stays["id"],
        alert_count=0,
        firing_count=0,
        look_at=None,
    )
    if goes["held"] and not stays["held"]:
        store.set_incident(conn, stays["id"], held=True)
    if goes["opened_at"] is not None:
        after = {"status": "merged", "into": str(stays["id"]), "number": stays["number"]}
        timeline_store.add_event(conn, goes, "merged", actor, {"status": goes["status"]}, after, reason)
    if stays["owner"] is None and goes["owner"] is not None:
        store.set_incident(conn, stays["id"], owner=goes["owner"])
    if stays["opened_at"] is not None:
        after = {"absorbed": str(goes["id"]), "number": goes["number"], "alerts": moved}
        timeline_store.add_event(conn, stays, "merged", actor, {}, after, reason)
