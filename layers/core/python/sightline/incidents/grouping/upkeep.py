"""Looks after incidents that time alone changes, and tells what was lost on the way to the bus."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sightline.database import transaction
from sightline.incidents.grouping import config_store, lifecycle, store, timeline_store
from sightline.incidents.grouping.telling import tell
from sightline.ports.work import Events
from sightline.telemetry import logger

QUIET_S = 30
"""Seconds in which whoever changed an incident tells of it himself."""
PAGE = 200


def sweep(*, events: Events) -> dict[str, Any]:
    """One round; what fails for one incident does not keep it from the others."""
    with transaction() as conn:
        claimed = store.claim(conn, quiet_s=QUIET_S, limit=PAGE)
    failures: list[Exception] = []
    for workspace_id, incident_id in claimed:
        try:
            look_after(workspace_id, incident_id, events=events)
        except Exception as error:  # noqa: BLE001 - raised below, all together
            logger.exception("an incident could not be looked after", incident_id=str(incident_id))
            failures.append(error)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(claimed)} incidents were not looked after", failures)
    return {"incidents": len(claimed)}


def look_after(workspace_id: UUID, incident_id: UUID, *, events: Events) -> None:
    """Ends a snooze that is over, says anew what its alerts say, and tells what nobody was told of."""
    with transaction(workspace_id) as conn:
        store.lock_grouping(conn)
        incident = store.incident(conn, incident_id, lock=True)
        until = incident["snoozed_until"] if incident else None
        if incident and until is not None and until <= datetime.now(UTC):
            store.set_incident(conn, incident_id, snoozed_until=None)
            before, after = {"snoozed_until": until.isoformat()}, {"snoozed_until": None}
            timeline_store.add_event(
                conn, incident, "unsnoozed", lifecycle.SYSTEM, before, after, "its time is over"
            )
        lifecycle.refresh(conn, incident_id, settings=config_store.settings(conn))
        untold = timeline_store.untold(conn, [incident_id])
    tell(workspace_id, untold, events=events)
