"""Use cases of whole incidents: two that are one, one that is two."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sightline.database import Connection, Row, transaction
from sightline.errors import ConflictError, NotFoundError
from sightline.incidents.grouping import config_store, lifecycle, member_store, store, timeline_store
from sightline.incidents.grouping.reading import found
from sightline.incidents.grouping.telling import tell
from sightline.ports.work import Events


def merge(
    workspace_id: UUID | str, incident_id: UUID, others: Sequence[UUID], *, actor: str, events: Events
) -> Row:
    """The others go into this one; one that is in it already changes nothing.

    Raises: NotFoundError, ConflictError.
    """
    with transaction(workspace_id) as conn:
        store.lock_grouping(conn)
        stays = _whole(found(conn, incident_id, lock=True))
        for other in sorted(set(others) - {incident_id}):
            goes = found(conn, other, lock=True)
            if goes["merged_into"] != incident_id:
                lifecycle.absorb(conn, stays, _whole(goes), actor=actor, reason="merged by a person")
                store.set_incident(conn, incident_id, held=True)
        lifecycle.refresh(conn, incident_id, settings=config_store.settings(conn))
        changed = found(conn, incident_id)
        untold = timeline_store.untold(conn, [incident_id, *others])
    tell(workspace_id, untold, events=events)
    return changed


def split(
    workspace_id: UUID | str, incident_id: UUID, alert_ids: Sequence[UUID], *, actor: str, events: Events
) -> Row:
    """Alerts become an incident of their own, which no later alert brings back.

    Raises: NotFoundError, ConflictError.
    """
    with transaction(workspace_id) as conn:
        store.lock_grouping(conn)
        incident = _whole(found(conn, incident_id, lock=True))
        made = _apart(conn, incident, sorted(set(alert_ids)), actor)
        settings = config_store.settings(conn)
        for one in (incident_id, made["id"]):
            lifecycle.refresh(conn, one, settings=settings)
        changed = found(conn, made["id"])
        untold = timeline_store.untold(conn, [incident_id, made["id"]])
    tell(workspace_id, untold, events=events)
    return changed


def _apart(conn: Connection, incident: Row, alert_ids: Sequence[UUID], actor: str) -> Row:
    rows = member_store.members(conn, incident["id"], alert_ids)
    if len(rows) < len(alert_ids):
        raise NotFoundError("Not all of these alerts are in this incident.")
    if len(rows) >= incident["alert_count"]:
        raise ConflictError("An incident keeps at least one alert.")
    made = store.add_incident(conn, workspace_id=incident["workspace_id"], alert=rows[0])
    member_store.take_alerts(conn, alert_ids, target=made["id"])
    for one in (incident, made):
        store.set_incident(conn, one["id"], held=True)
    for other in (incident["id"], *member_store.apart_from(conn, incident["id"])):
        member_store.put_apart(conn, incident["workspace_id"], made["id"], other)
    if incident["opened_at"] is not None:
        store.set_incident(conn, made["id"], status="open", opened_at=datetime.now(UTC))
        after = {"status": "open", "from": str(incident["id"]), "number": incident["number"]}
        timeline_store.add_event(
            conn, made, "opened", actor, {}, after, f"split from INC-{incident['number']}"
        )
        after = {"into": str(made["id"]), "number": made["number"], "alerts": len(rows)}
        timeline_store.add_event(conn, incident, "split", actor, {}, after)
    return made


def _whole(incident: Row) -> Row:
    if incident["status"] == "merged":
        raise ConflictError(f"It went into another incident, {incident['merged_into']}.")
    return incident
