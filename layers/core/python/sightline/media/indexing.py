"""When indexing starts, ends and fails: the turns of an asset's life that need no decoder."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sightline.database import Row, transaction
from sightline.errors import ConflictError, ModelRevisionGoneError
from sightline.media import admission, rules, run_store, store
from sightline.media.failures import Failure, failure_of, unreadable
from sightline.ports.objects import Blobs
from sightline.ports.work import Events, Pipeline, Queue
from sightline.telemetry import logger
from sightline.vectors.store import promote_run

SOME_LOST, MAX_LOST_SHARE = 2, 0.05
"""Frames that may be missing from any video, and their share above which it counts as damaged."""
READY, FAILED = "asset.ready", "asset.failed"


def upload_arrived(event: Mapping[str, Any], *, pipeline: Pipeline, purges: Queue) -> None:
    """An "Object Created" event of S3. Told twice or late, it changes nothing."""
    stored = event.get("detail", {}).get("object", {})
    ids = rules.asset_of_key(str(stored.get("key", "")))
    if ids is None:
        logger.warning("event of an object that is no upload")
        return
    workspace_id, asset_id = ids
    with transaction(workspace_id) as conn:
        wanted = store.asset(conn, asset_id) is not None
    if wanted:
        start_first(workspace_id, asset_id, version_id=str(stored.get("version-id", "")), pipeline=pipeline)
    else:
        # A signed address outlives a deletion: what comes by it then goes the same way.
        purges.send({"workspace_id": workspace_id, "asset_id": asset_id})


def start_first(workspace_id: UUID, asset_id: UUID, *, version_id: str, pipeline: Pipeline) -> bool:
    """Begins the first run, for the first version that arrives; False when nothing began, or not yet."""
    with transaction(workspace_id) as conn:
        row = run_store.begin_first_run(conn, asset_id, version_id=version_id)
        if row is None:
            # Perhaps the process died between the commit below and the start: a start repeated is harmless.
            row = run_store.queued_first_run(conn, asset_id, version_id=version_id)
    if row is None:
        logger.info("nothing waits for this upload", asset_id=str(asset_id))
        return False
    if row["admitted_at"] is not None:
        return admission.start(row, pipeline=pipeline)
    return asset_id in admission.admit(pipeline=pipeline)


def start_over(row: Row, *, pipeline: Pipeline, redrive: bool) -> Row | None:
    """Begins the next run; None when somebody else just did."""
    with transaction(row["workspace_id"]) as conn:
        begun = run_store.begin_next_run(
            conn, row["id"], after_run=row["run"], status=row["status"], redrive=redrive
        )
    if begun is not None:
        admission.admit(pipeline=pipeline)
    return begun


def finish_asset(
    *, workspace_id: str, asset_id: str, run: int, blobs: Blobs, events: Events
) -> dict[str, Any]:
    """Checks that every chunk and sheet is done, and shows the run in place of older ones.

    Raises: ConflictError, UnreadableMediaError.
    """
    asset_uuid = UUID(asset_id)
    with transaction(workspace_id) as conn:
        row = run_store.running(conn, asset_uuid, run, lock=True)
        if row is None:
            row = run_store.finished(conn, asset_uuid, run)
            if row is None:
                raise superseded()
        else:
            tally = run_store.tally(conn, asset_uuid, run)
            _check_done(row, tally)
            row = run_store.finish(conn, asset_uuid, run, frames=tally["frames"]) or row
            promote_run(conn, asset_id=asset_uuid, run=run)
    _drop_older_sheets(row, blobs=blobs)
    events.publish(READY, _detail(row))
    return {"frames": row["frames_done"]}


def _check_done(row: Row, tally: Row) -> None:
    if tally["chunks_left"] or tally["sheets_left"] or not tally["chunks"]:
        raise RuntimeError(f"{tally['chunks_left']} chunks and {tally['sheets_left']} sheets are not done")
    if not tally["frames"]:
        raise unreadable("no-frames")
    lost = row["frames_total"] - tally["frames"]
    if row["plan"]["exact"] and lost > SOME_LOST and lost > MAX_LOST_SHARE * row["frames_total"]:
        raise unreadable("corrupt-media", f"{lost:,} of {row['frames_total']:,} frames could not be decoded.")


def _drop_older_sheets(row: Row, *, blobs: Blobs) -> None:
    for older in range(1, row["run"]):
        blobs.delete_prefix(rules.sheets_prefix(row["workspace_id"], row["id"], older))


def fail_asset(
    *, workspace_id: str, asset_id: str, run: int, error: Mapping[str, Any], events: Events
) -> dict[str, Any]:
    """Ends a run that cannot go on, with a reason for its owner.

    One whose model is gone is left as it is: the sweep finds it within a minute and begins anew.
    """
    failure = failure_of(error)
    if failure.code == ModelRevisionGoneError.slug:
        logger.info("the run's model is gone: the sweep begins anew")
        return {"failed": False, "code": failure.code}
    if failure.code == "internal-error":
        logger.error("indexing failed unexpectedly", error=dict(error))
    return give_up(workspace_id, UUID(asset_id), run, failure, events=events)


def give_up(
    workspace_id: UUID | str, asset_id: UUID, run: int, failure: Failure, *, events: Events
) -> dict[str, Any]:
    """Writes the failure down and tells; an older run's failure is nobody's business any more."""
    with transaction(workspace_id) as conn:
        row = run_store.fail(conn, asset_id, run, failure)
    if row is None:
        return {"failed": False}
    events.publish(FAILED, {**_detail(row), "code": failure.code})
    return {"failed": True, "code": failure.code}


def superseded() -> ConflictError:
    """This run is no longer the one: the asset was deleted, or indexing began again."""
    return ConflictError("This run has ended: the asset was deleted or indexing began again.")


def _detail(row: Row) -> dict[str, Any]:
    return {"workspace_id": str(row["workspace_id"]), "asset_id": str(row["id"]), "run": row["run"]}
