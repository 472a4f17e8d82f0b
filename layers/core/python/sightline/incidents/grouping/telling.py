"""Tells the rest of the platform that an incident changed: after the commit, again until the bus has it."""

from collections.abc import Sequence
from uuid import UUID

from sightline.database import Row, transaction
from sightline.incidents.grouping import store, timeline_store
from sightline.ports.work import Events

CHANGED = "incident.changed"


def tell(workspace_id: UUID | str, untold: Sequence[Row], *, events: Events) -> None:
    """Publishes what store.untold found; whoever hears it may hear it again."""
    if not untold:
        return
    for row in untold:
        detail = {"workspace_id": str(workspace_id), "incident_id": str(row["id"])}
        events.publish(CHANGED, {**detail, "version": row["version"], "kinds": row["kinds"] or []})
    with transaction(workspace_id) as conn:
        store.lock_grouping(conn)  # rows of several incidents, in any order
        timeline_store.mark_told(conn, untold)


def tell_all(workspace_id: UUID | str, *, events: Events) -> None:
    """Whatever was lost between a commit and the bus."""
    with transaction(workspace_id) as conn:
        untold = timeline_store.untold(conn)
    tell(workspace_id, untold, events=events)
