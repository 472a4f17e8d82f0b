"""Looks after assets that nobody else does: lost events, dead runs, unfinished uploads and deletions."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sightline.database import Row, transaction
from sightline.media import admission, indexing, rules, store, uploads
from sightline.media.failures import FAILURE_CODES, Failure
from sightline.ports.objects import Blobs
from sightline.ports.work import Events, Pipeline, Queue
from sightline.telemetry import logger

QUIET_S = 60
"""Seconds without a sign of life before an asset is looked after: longer than a queue takes to deliver."""
STALLED_S = 2 * 3600
"""Seconds without progress after which a run that says it runs is begun anew: longer than all retries."""
PAGE = 200


@dataclass(frozen=True, slots=True)
class Outside:
    """What a sweep reaches."""

    blobs: Blobs
    pipeline: Pipeline
    purges: Queue
    events: Events


def sweep(outside: Outside) -> dict[str, Any]:
    """One round; answers how often it did what. What fails for one asset does not keep it from the others."""
    done: dict[str, int] = {}
    failures: list[Exception] = []
    with transaction() as conn:
        store.forget_expired(conn)
        retired = store.retire_workspaces(conn)
        emptied = store.emptied_workspaces(conn, limit=PAGE)
    for workspace_id, asset_id in retired:
        outside.purges.send({"workspace_id": str(workspace_id), "asset_id": str(asset_id)})
    for workspace_id in emptied:
        outside.purges.send({"workspace_id": str(workspace_id)})
    with transaction() as conn:
        claimed = store.claim_unattended(conn, quiet_s=QUIET_S, limit=PAGE)
    for workspace_id, asset_id in claimed:
        try:
            deed = look_after(workspace_id, asset_id, outside)
        except Exception as error:  # noqa: BLE001 - raised below, all together
            logger.exception("an asset could not be looked after", asset_id=str(asset_id))
            failures.append(error)
        else:
            done[deed] = done.get(deed, 0) + 1
    try:
        admitted = admission.admit(pipeline=outside.pipeline)
    except ExceptionGroup as error:
        failures.append(error)
    else:
        done |= {"run admitted": len(admitted)} if admitted else {}
    if done:
        logger.info("swept", done=done)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(claimed)} assets could not be looked after", failures)
    return done


def look_after(workspace_id: UUID, asset_id: UUID, outside: Outside) -> str:
    """Does what one asset needs; answers what that was."""
    with transaction(workspace_id) as conn:
        row = store.any_asset(conn, asset_id)
        idle_s = store.idle_s(conn, asset_id)
    if row is None:
        return "gone"
    if row["deleted_at"] is not None:
        outside.purges.send({"workspace_id": str(workspace_id), "asset_id": str(asset_id)})
        return "purging"
    if row["status"] == "awaiting_upload":
        return _look_for_upload(row, outside)
    if row["status"] == "processing":
        return _look_for_run(row, outside, idle_s=idle_s)
    return "settled"


def _look_for_upload(row: Row, outside: Outside) -> str:
    """The object may be there and its event lost; or nobody finishes the upload any more."""
    stored = outside.blobs.head(rules.source_key(row["workspace_id"], row["id"]))
    if stored is not None:
        indexing.start_first(
            row["workspace_id"], row["id"], version_id=stored.version_id, pipeline=outside.pipeline
        )
        return "upload found"
    with transaction(row["workspace_id"]) as conn:
        expired = store.expire_upload(conn, row["id"], overdue_only=True)
    if expired is None:
        return "waiting"
    uploads.discard(expired, blobs=outside.blobs)
    return "upload expired"


def _look_for_run(row: Row, outside: Outside, *, idle_s: float) -> str:
    """A run that never started is started; one that ended without a word, or stands still, is begun anew."""
    status = outside.pipeline.status(rules.execution_name(row["id"], row["source_version"], row["run"]))
    if status is None:
        admission.start(row, pipeline=outside.pipeline)
        return "run started"
    if status == "RUNNING" and idle_s < STALLED_S:
        return "running"
    if row["redrives"] >= rules.MAX_REDRIVES:
        failure = Failure("gave-up", FAILURE_CODES["gave-up"])
        indexing.give_up(row["workspace_id"], row["id"], row["run"], failure, events=outside.events)
        return "gave up"
    indexing.start_over(row, pipeline=outside.pipeline, redrive=True)
    return "run begun anew"
