"""The machine's side of an import: list a page, fetch a batch, end. Each step is safe to repeat."""

import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sightline.database import Row, transaction
from sightline.errors import NotFoundError, SourceRefusedError
from sightline.media.imports import rules, store
from sightline.media.rules import UNKNOWN_TYPE, source_key
from sightline.ports.objects import Blobs, SourceObject, Sources
from sightline.ports.work import Events
from sightline.settings import get_settings
from sightline.telemetry import logger

FETCH_S = 600.0
"""Seconds after which a call begins no further object: 50 GiB in parts still fit behind."""
DONE, FAILED = "import.done", "import.failed"


def list_import(
    *, workspace_id: str, import_id: str, attempt: int, sources: Sources, events: Events
) -> dict[str, Any]:
    """Lists the next page and says what to fetch; ends the import when nothing is left of it."""
    with transaction(workspace_id) as conn:
        job = store.working(conn, UUID(import_id))
    if job is None or job["attempt"] != attempt:
        return {"more": False, "batches": []}
    if job["status"] == "listing":
        try:
            job = _listed(job, sources=sources)
        except SourceRefusedError as error:
            code = error.detail if error.detail in rules.FAILURES else "forbidden"
            give_up(UUID(workspace_id), UUID(import_id), code, events=events)
            return {"more": False, "batches": []}
    with transaction(workspace_id) as conn:
        rows = store.unsettled(conn, job["id"], limit=rules.PAGE_OBJECTS)
        listed = store.count_objects(conn, job["id"])
    if listed > rules.MAX_OBJECTS:
        give_up(UUID(workspace_id), UUID(import_id), "too-many-objects", events=events)
        return {"more": False, "batches": []}
    if not rows and job["status"] == "fetching":
        _finish(job, events=events)
        return {"more": False, "batches": []}
    return {"more": True, "batches": rules.batches_of(rows)}


def _listed(job: Row, *, sources: Sources) -> Row:
    """One page more; keys that end in a slash are folders that a console drew."""
    page = sources.page(
        job["bucket"], prefix=job["prefix"], after=job["listed_after"], limit=rules.PAGE_OBJECTS
    )
    complete = len(page) < rules.PAGE_OBJECTS
    with transaction(job["workspace_id"]) as conn:
        row = store.working(conn, job["id"], lock=True)
        # A retry of a page that was written: its objects are there already.
        if row is None or row["listed_after"] != job["listed_after"]:
            return row or job
        last = page[-1].key if page else job["listed_after"]
        objects = [found for found in page if not found.key.endswith("/")]
        store.add_objects(conn, row, objects, listed_after=last, complete=complete)
        return store.working(conn, job["id"]) or row


def _finish(job: Row, *, events: Events) -> None:
    with transaction(job["workspace_id"]) as conn:
        ended = store.end(conn, job["id"], status="done")
    if ended is not None:
        events.publish(DONE, _detail(ended))


def fetch_objects(
    *, workspace_id: str, import_id: str, first: int, last: int, blobs: Blobs, sources: Sources
) -> dict[str, Any]:
    """Registers and copies a batch; "more" says that time ran out before its end."""
    began = time.monotonic()
    with transaction(workspace_id) as conn:
        rows = store.unsettled(conn, UUID(import_id), first=first, last=last, limit=rules.BATCH_OBJECTS)
    for row in rows:
        if time.monotonic() - began > FETCH_S:
            return {"more": True}
        with transaction(workspace_id) as conn:
            job = store.working(conn, UUID(import_id))
        if job is None:
            return {"more": False}
        _fetch(job, row, blobs=blobs, sources=sources)
    return {"more": False}


def _fetch(job: Row, row: Row, *, blobs: Blobs, sources: Sources) -> None:
    """One object: refused, known already, or copied under a video of its own."""
    source = _source(job, row, sources=sources)
    if source is None:
        _settle(job, row, status="refused", code="gone")
        return
    refused = rules.refusal_of(source, max_bytes=get_settings().max_upload_bytes)
    if refused is not None:
        _settle(job, row, status="refused", code=refused)
        return
    asset_id = row["asset_id"] or _registered(job, row, source)
    if asset_id is None:
        return
    try:
        _copied(job, source, asset_id, blobs=blobs, sources=sources)
    except (NotFoundError, SourceRefusedError) as error:
        code = error.detail if isinstance(error, SourceRefusedError) else "gone"
        with transaction(job["workspace_id"]) as conn:
            store.forget_asset(conn, job["id"], row["no"], asset_id)
        _settle(job, row, status="refused", code=code if code in rules.REASONS else "forbidden")
    else:
        _settle(job, row, status="registered", code=None)


def _source(job: Row, row: Row, *, sources: Sources) -> SourceObject | None:
    """As it is now: storage class and ETag decide, and minutes may have passed since the listing."""
    return sources.look(job["bucket"], row["key"])


def _registered(job: Row, row: Row, source: SourceObject) -> UUID | None:
    """A new video for this version of the object; None when there is one."""
    with transaction(job["workspace_id"]) as conn:
        known = store.registered_as(conn, bucket=job["bucket"], key=source.key, etag=source.etag)
        asset_id = None if known else store.register(conn, job, row, source, asset=_asset(job, source))
    if asset_id is None:
        _settle(job, row, status="skipped", code="already-imported", asset_id=known)
    return asset_id


def _asset(job: Row, source: SourceObject) -> Mapping[str, Any]:
    return {
        "workspace_id": job["workspace_id"],
        "created_by": job["created_by"],
        "name": rules.name_of(source.key),
        "content_type": rules.content_type_of(source.key) or UNKNOWN_TYPE,
        "size_bytes": source.size_bytes,
        "interval_s": job["interval_s"],
        "metadata": job["metadata"],
        "tags": job["tags"],
    }


def _copied(job: Row, source: SourceObject, asset_id: UUID, *, blobs: Blobs, sources: Sources) -> None:
    """S3's own event then starts indexing, as it does for an upload."""
    key = source_key(job["workspace_id"], asset_id)
    if blobs.head(key) is None:
        content_type = rules.content_type_of(source.key) or UNKNOWN_TYPE
        sources.copy(job["bucket"], source, to=key, content_type=content_type)


def _settle(job: Row, row: Row, *, status: str, code: str | None, asset_id: UUID | None = None) -> None:
    with transaction(job["workspace_id"]) as conn:
        store.settle(
            conn,
            job["id"],
            row["no"],
            status=status,
            code=code,
            reason=rules.REASONS[code] if code else None,
            asset_id=asset_id,
        )


def fail_import(
    *, workspace_id: str, import_id: str, attempt: int, error: Mapping[str, Any], events: Events
) -> dict[str, Any]:
    """Ends an import whose run cannot go on; an older attempt's failure is nobody's business any more."""
    with transaction(workspace_id) as conn:
        job = store.working(conn, UUID(import_id))
    if job is None or job["attempt"] != attempt:
        return {"failed": False}
    logger.error("import failed unexpectedly", error=dict(error))
    give_up(UUID(workspace_id), UUID(import_id), "internal-error", events=events)
    return {"failed": True}


def give_up(workspace_id: UUID, import_id: UUID, code: str, *, events: Events) -> None:
    """Writes the failure down and tells."""
    with transaction(workspace_id) as conn:
        job = store.end(conn, import_id, status="failed", code=code, reason=rules.FAILURES[code])
    if job is not None:
        events.publish(FAILED, {**_detail(job), "code": code})


def _detail(job: Row) -> dict[str, Any]:
    return {"workspace_id": str(job["workspace_id"]), "import_id": str(job["id"])}
