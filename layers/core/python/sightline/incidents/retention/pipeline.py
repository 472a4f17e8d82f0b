"""Use cases of how long alerts and incidents are kept: what holds, what would go, what goes."""

from uuid import UUID

from sightline.database import transaction
from sightline.incidents.grouping.store import lock_grouping
from sightline.incidents.retention import store
from sightline.incidents.retention.schemas import Counts, RetentionAnswer, RetentionBody
from sightline.principal import Principal
from sightline.telemetry import logger

NOTHING = {"incidents": 0, "alerts": 0, "deliveries": 0}
AGAIN_S = 3600.0
"""How often a workspace is looked after in which nothing is left to remove."""
PAGE, WORKSPACES = 1000, 20


def read_retention(principal: Principal, days: int | None) -> RetentionAnswer:
    """What holds; and what these days would remove by now, or those that hold."""
    with transaction(principal.workspace_id) as conn:
        row = store.retention(conn)
        kept = row["keep_days"] if row else None
        asked = days or kept
        return RetentionAnswer(
            keep_days=kept,
            gone=Counts(**{name: row[f"{name}_gone"] if row else 0 for name in NOTHING}),
            last_gone_at=row["last_gone_at"] if row else None,
            due=Counts(**(store.due(conn, asked) if asked else NOTHING)),
        )


def put_retention(principal: Principal, body: RetentionBody) -> RetentionAnswer:
    """From now on; the sweep removes what is older within the next minutes."""
    with transaction(principal.workspace_id) as conn:
        store.put_retention(
            conn,
            workspace_id=principal.workspace_id,
            keep_days=body.keep_days,
            by=principal.principal_id,
        )
    logger.info("retention of incidents set", keep_days=body.keep_days)
    return read_retention(principal, None)


def sweep() -> dict[str, int]:
    """One round: a page of every workspace whose time has come; two at once share the work."""
    with transaction() as conn:
        claimed = store.claim(conn, again_s=AGAIN_S, limit=WORKSPACES)
    gone = [forget(workspace_id) for workspace_id in claimed]
    return {name: sum(one[name] for one in gone) for name in NOTHING}


def forget(workspace_id: UUID, *, page: int = PAGE) -> dict[str, int]:
    """A page of what a workspace keeps no longer, counted in the same transaction."""
    with transaction(workspace_id) as conn:
        lock_grouping(conn)  # before any row of an alert or incident, as everybody takes it
        row = store.retention(conn)
        if row is None or row["keep_days"] is None:
            return NOTHING
        incidents, alerts = store.forget_incidents(conn, row["keep_days"], page=page)
        deliveries = store.forget_deliveries(conn, row["keep_days"], page=page)
        gone = {"incidents": incidents, "alerts": alerts, "deliveries": deliveries}
        store.note_gone(conn, gone, more=max(gone.values()) >= page)
    if any(gone.values()):
        logger.info("incidents forgotten", workspace_id=str(workspace_id), gone=gone)
    return gone
