"""The worker's side of an export: picks, plans, decodes and writes, for as long as one call may take.

Whatever is killed in between goes on from the last checkpoint, which lies between two files.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sightline.database import Row, transaction
from sightline.errors import NotFoundError, SightlineError, UploadIncompleteError
from sightline.ports.objects import Blobs
from sightline.ports.work import Events
from sightline.scenarios.exports import rules, store, work_store
from sightline.scenarios.exports.archiving import Archiver
from sightline.scenarios.exports.cutting import write_pieces
from sightline.scenarios.exports.ending import give_up
from sightline.scenarios.exports.finishing import finish
from sightline.scenarios.exports.schemas import MAX_PIECES
from sightline.scenarios.exports.work import RefusedError, ReplacedError, Work
from sightline.settings import get_settings
from sightline.telemetry import logger

PAGE = 500

Moments = Sequence[Mapping[str, Any]]
Finder = Callable[[Row], Moments]
"""The moments of an export's search, best first."""


def write_export(
    *, workspace_id: str, export_id: str, attempt: int, blobs: Blobs, events: Events, find: Finder
) -> dict[str, Any]:
    """One turn; "more" says that another is needed. Raises: DatabaseUnavailableError, ..."""
    with transaction(workspace_id) as conn:
        job = work_store.claim(conn, UUID(export_id), attempt=attempt)
    if job is None:
        return {"more": False}
    try:
        job = _prepared(job, blobs=blobs, find=find) if job["status"] == "preparing" else job
        more = _write(job, blobs=blobs, events=events)
    except RefusedError as error:
        give_up(job["workspace_id"], job["id"], str(error), blobs=blobs, events=events)
        return {"more": False}
    except ReplacedError:
        logger.info("export was taken over or ended")
        return {"more": False}
    except (NotFoundError, UploadIncompleteError):
        more = _begin_over(job, blobs=blobs)
        if not more:
            give_up(job["workspace_id"], job["id"], "upload-lost", blobs=blobs, events=events)
    return {"more": more}


def _prepared(job: Row, *, blobs: Blobs, find: Finder) -> Row:
    """Finds the moments where a search was given, plans the files and opens the archive."""
    asked, workspace_id = job["request"], job["workspace_id"]
    moments = _found(job, find) if asked.get("search") or asked.get("search_id") else None
    with transaction(workspace_id) as conn:
        if moments is not None:
            store.add_moments(conn, workspace_id=workspace_id, export_id=job["id"], moments=moments)
        pieces = work_store.plan_pieces(
            conn,
            job["id"],
            frames=asked["frames"],
            clip_padding_s=asked["clips"]["padding_s"] if asked.get("clips") else None,
            most=MAX_PIECES,
        )
    if not pieces:
        raise RefusedError("no-moments")
    if pieces > MAX_PIECES:
        raise RefusedError("too-many-files")
    return _opened(job, blobs=blobs, pieces=pieces, beginning=job["begun_over"])


def _found(job: Row, find: Finder) -> Moments:
    try:
        return find(job)
    except SightlineError as error:
        if error.retryable:
            raise
        logger.warning("the search of an export was refused", code=error.slug)
        raise RefusedError("search-refused") from error


def _opened(job: Row, *, blobs: Blobs, pieces: int | None, beginning: int) -> Row:
    key = rules.archive_key(job["workspace_id"], job["id"], beginning)
    upload_id = blobs.create_multipart(key, content_type="application/zip")
    with transaction(job["workspace_id"]) as conn:
        opened = work_store.begin_archive(
            conn, job, object_key=key, upload_id=upload_id, pieces=pieces, begun_over=beginning
        )
    if opened is None:
        blobs.abort_multipart(key, upload_id=upload_id)
        raise ReplacedError
    return opened


def _begin_over(job: Row, *, blobs: Blobs) -> bool:
    """The upload is gone or was muddled by two workers: everything is written again, but not for ever."""
    if job["begun_over"] + 1 >= rules.MOST_BEGINNINGS:
        return False
    logger.warning("export begins over", export_id=str(job["id"]))
    _opened(job, blobs=blobs, pieces=None, beginning=job["begun_over"] + 1)
    return True


def _write(job: Row, *, blobs: Blobs, events: Events) -> bool:
    """Files until all are there or the time is up; whether some are left."""
    archiver = Archiver(
        blobs,
        job["object_key"],
        job["upload_id"],
        made_at=job["created_at"],
        end=job["archive_bytes"],
        next_part=len(_parts(job)) + 1,
        gathered=bytearray(job["tail"]),
    )
    work = Work(job, blobs, archiver, ends_at=time.monotonic() + get_settings().export_turn_s)
    while pieces := _pieces_left(job):
        write_pieces(work, pieces)
        work.keep()
        if work.over:
            return True
    finish(work, events=events)
    return False


def _parts(job: Row) -> list[tuple[int, str]]:
    with transaction(job["workspace_id"]) as conn:
        return work_store.parts(conn, job["id"])


def _pieces_left(job: Row) -> list[Row]:
    with transaction(job["workspace_id"]) as conn:
        return work_store.pieces_left(conn, job["id"], limit=PAGE)
