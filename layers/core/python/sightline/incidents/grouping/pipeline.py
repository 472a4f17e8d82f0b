"""Use cases of incidents: what people change."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sightline.database import Connection, Row, transaction
from sightline.errors import ConflictError
from sightline.incidents.grouping import store, timeline_store
from sightline.incidents.grouping.reading import found
from sightline.incidents.grouping.schemas import IncidentChange
from sightline.incidents.grouping.telling import tell
from sightline.ports.work import Events


def change(
    workspace_id: UUID | str, incident_id: UUID, change: IncidentChange, *, actor: str, events: Events
) -> Row:
    """What a person says of an incident; the same twice changes nothing.

    Waits for nobody but whoever changes the same incident. Raises: NotFoundError, ConflictError.
    """
    with transaction(workspace_id) as conn:
        incident = found(conn, incident_id, lock=True)
        if incident["status"] == "merged":
            raise ConflictError(f"It went into another incident, {incident['merged_into']}.")
        for step in _STEPS:
            step(conn, incident, change, actor)
        changed = found(conn, incident_id)
        untold = timeline_store.untold(conn, [incident_id])
    tell(workspace_id, untold, events=events)
    return changed


def _owner(conn: Connection, incident: Row, change: IncidentChange, actor: str) -> None:
    owner = change.owner or None
    if change.owner is None or owner == incident["owner"]:
        return
    store.set_incident(conn, incident["id"], owner=owner)
    timeline_store.add_event(
        conn, incident, "owner_changed", actor, {"owner": incident["owner"]}, {"owner": owner}
    )


def _severity(conn: Connection, incident: Row, change: IncidentChange, actor: str) -> None:
    before, after = incident["severity"], change.severity
    if after is None:
        return
    store.set_incident(conn, incident["id"], severity=after, severity_by=actor)
    if after != before:
        timeline_store.add_event(
            conn, incident, "severity_changed", actor, {"severity": before}, {"severity": after}
        )


def _title(conn: Connection, incident: Row, change: IncidentChange, actor: str) -> None:
    before, after = incident["title"], change.title
    if after is None:
        return
    store.set_incident(conn, incident["id"], title=after, title_by=actor)
    if after != before:
        timeline_store.add_event(conn, incident, "title_changed", actor, {"title": before}, {"title": after})


def _snooze(conn: Connection, incident: Row, change: IncidentChange, actor: str) -> None:
    before, after = incident["snoozed_until"], change.snoozed_until
    if after is None or after == before:
        return
    over = after <= datetime.now(UTC)
    if over and before is None:
        return
    store.set_incident(
        conn,
        incident["id"],
        snoozed_until=None if over else after,
        look_at=None if over else min(filter(None, (after, incident["look_at"]))),
    )
    kind = "unsnoozed" if over else "snoozed"
    told = {"snoozed_until": None if over else after.isoformat()}
    timeline_store.add_event(
        conn, incident, kind, actor, {"snoozed_until": before.isoformat() if before else None}, told
    )


def _note(conn: Connection, incident: Row, change: IncidentChange, actor: str) -> None:
    if change.note is None or (change.status == "resolved" and change.status != incident["status"]):
        return
    latest = timeline_store.latest_note(conn, incident["id"])
    if latest is None or (latest["actor"], latest["reason"]) != (actor, change.note):
        timeline_store.add_event(conn, incident, "noted", actor, {}, {}, change.note)
        if incident["status"] == "resolved":
            store.set_incident(conn, incident["id"], resolution=change.note)


def _status(conn: Connection, incident: Row, change: IncidentChange, actor: str) -> None:
    before, after = incident["status"], change.status
    if after is None or after == before:
        return
    over = after == "resolved"
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "status": after,
        "opened_at": incident["opened_at"] or now,
        "resolved_at": now if over else None,
        "resolved_by": actor if over else None,
    }
    if over:
        values |= {"resolution": change.note, "vector": store.mean_vector(conn, incident["id"])}
    store.set_incident(conn, incident["id"], **values)
    kind = "resolved" if over else _BEGINS.get(before, "status_changed")
    timeline_store.add_event(
        conn, incident, kind, actor, {"status": before}, {"status": after}, change.note or ""
    )


_BEGINS = {"resolved": "reopened", "gathering": "opened"}

_STEPS: tuple[Callable[[Connection, Row, IncidentChange, str], None], ...] = (
    _owner, _severity, _title, _snooze, _note, _status,
)  # fmt: skip
