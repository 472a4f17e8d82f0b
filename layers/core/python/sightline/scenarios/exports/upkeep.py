"""Looks after exports that nobody else does, and takes a deleted video out of all of them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sightline.database import Row, transaction
from sightline.ports.objects import Blobs
from sightline.ports.work import Events, ExportRuns
from sightline.scenarios.exports import rules, store
from sightline.scenarios.exports.ending import give_up
from sightline.scenarios.exports.pipeline import purge, start
from sightline.telemetry import logger

QUIET_S = 120
"""Seconds without a checkpoint before an export is looked after."""
PAGE = 100
MOST_ATTEMPTS = 5


def sweep(*, blobs: Blobs, runs: ExportRuns, events: Events) -> dict[str, Any]:
    """One round; what fails for one export does not keep it from the others."""
    with transaction() as conn:
        claimed = store.claim_unattended(conn, quiet_s=QUIET_S, limit=PAGE)
    done: dict[str, int] = {}
    failures: list[Exception] = []
    for workspace_id, export_id in claimed:
        try:
            deed = look_after(workspace_id, export_id, blobs=blobs, runs=runs, events=events)
        except Exception as error:  # noqa: BLE001 - raised below, all together
            logger.exception("an export could not be looked after", export_id=str(export_id))
            failures.append(error)
        else:
            done[deed] = done.get(deed, 0) + 1
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(claimed)} exports could not be looked after", failures)
    return done


def look_after(workspace_id: UUID, export_id: UUID, *, blobs: Blobs, runs: ExportRuns, events: Events) -> str:
    """Does what one export needs; answers what that was."""
    with transaction(workspace_id) as conn:
        row = store.any_export(conn, export_id)
    if row is None:
        return "gone"
    if row["deleted_at"] is not None:
        purge(row, blobs=blobs)
        return "purged"
    if row["status"] == "ready":
        return _expire(row, blobs=blobs)
    if row["status"] in rules.RUNNING:
        return _look_for_run(row, runs=runs, blobs=blobs, events=events)
    return "settled"


def _expire(row: Row, *, blobs: Blobs) -> str:
    """Objects first: an archive whose row says expired is gone."""
    blobs.delete_prefix(rules.exports_prefix(row["workspace_id"], row["id"]))
    with transaction(row["workspace_id"]) as conn:
        store.expire(conn, row["id"])
    return "expired"


def _look_for_run(row: Row, *, runs: ExportRuns, blobs: Blobs, events: Events) -> str:
    """A run that never started is started; one that ended without a word is begun anew."""
    status = runs.status(rules.execution_name(row["id"], row["attempt"]))
    if status == "RUNNING":
        return "running"
    if status is None:
        start(row, runs=runs)
        return "run started"
    if row["attempt"] >= MOST_ATTEMPTS:
        give_up(row["workspace_id"], row["id"], "gave-up", blobs=blobs, events=events)
        return "gave up"
    with transaction(row["workspace_id"]) as conn:
        again = store.next_attempt(conn, row["id"], after=row["attempt"])
    if again is not None:
        start(again, runs=runs)
    return "run begun anew"


def fail_export(
    *, workspace_id: str, export_id: str, attempt: int, error: Mapping[str, Any], blobs: Blobs, events: Events
) -> dict[str, Any]:
    """Ends an export whose run cannot go on; an older attempt's failure is nobody's business any more."""
    with transaction(workspace_id) as conn:
        row = store.any_export(conn, UUID(export_id))
    if row is None or row["attempt"] != attempt:
        return {"failed": False}
    logger.error("export failed unexpectedly", error=dict(error))
    give_up(UUID(workspace_id), UUID(export_id), "internal-error", blobs=blobs, events=events)
    return {"failed": True}


def erase_video(workspace_id: UUID, asset_id: UUID, *, blobs: Blobs) -> dict[str, int]:
    """Removes every export that shows a video, archives and rows; answers how many archives there were."""
    with transaction(workspace_id) as conn:
        rows = store.showing(conn, asset_id)
        for row in rows:
            store.mark_deleted(conn, row["id"])
    return {"exports": sum(purge(row, blobs=blobs) for row in rows)}
