"""What can be done with runbooks over the API."""

from uuid import UUID

from sightline.cursor import id_in, next_page
from sightline.database import Row, transaction
from sightline.errors import NotFoundError, ValidationError
from sightline.incidents.runbooks import ingest_store, reading, store
from sightline.incidents.runbooks.schemas import (
    ChunkAnswer,
    IngestAnswer,
    IngestCounts,
    IngestRequest,
    RunbookAnswer,
    RunbookPage,
    RunbookSummary,
)
from sightline.media.imports.rules import check_allowed, places_of
from sightline.ports.work import RunbookQueue
from sightline.principal import Principal
from sightline.settings import get_settings
from sightline.telemetry import logger

LOST_AFTER_S = 60.0
"""A message that nobody took in this time is handed over again by whoever asks after it."""
ENDED_AFTER_S = 600.0
"""After its claim ended: whoever read it was killed, and no delivery of its message came within that time."""


def ingest(principal: Principal, wanted: IngestRequest, *, queue: RunbookQueue) -> IngestAnswer:
    """A reading that waits for its turn. Raises: ForbiddenError, ValidationError."""
    kind, place, payload = _payload(principal, wanted)
    with transaction(principal.workspace_id) as conn:
        row = ingest_store.add_ingest(
            conn,
            {
                "workspace_id": principal.workspace_id,
                "collection": wanted.collection,
                "kind": kind,
                "place": place,
                "payload": payload,
                "keep_missing": wanted.keep_missing,
                "created_by": principal.principal_id,
            },
        )
    queue.send(message_of(row, "ingest_id"))
    return _ingest(row)


def _payload(principal: Principal, wanted: IngestRequest) -> tuple[str, dict[str, str], bytes | None]:
    if wanted.zip is not None:
        reading.check_zip(wanted.zip)
        return "zip", {}, wanted.zip
    if wanted.files is not None:
        for place, file in enumerate(wanted.files):
            if reading.clean_path(file.path) is None:
                field = f"body.files.{place}.path"
                raise ValidationError(
                    errors=[{"field": field, "message": "It leads outside, or is too long."}]
                )
        return "files", {}, reading.pack([file.model_dump() for file in wanted.files])
    settings = get_settings()
    bucket = wanted.bucket or ""
    check_allowed(
        places_of(settings.import_buckets),
        bucket=bucket,
        keys=[wanted.prefix],
        workspace_id=principal.workspace_id,
        media_bucket=settings.media_bucket,
    )
    return "bucket", {"bucket": bucket, "prefix": wanted.prefix}, None


def read_ingest(principal: Principal, ingest_id: UUID, *, queue: RunbookQueue) -> IngestAnswer:
    """How far it is. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        row = ingest_store.ingest(conn, ingest_id)
        if row is None:
            raise NotFoundError
        lost = ingest_store.hand_over_again(conn, ingest_id, after_s=LOST_AFTER_S, ended_s=ENDED_AFTER_S)
    if lost:
        queue.send(message_of(row, "ingest_id"))
    return _ingest(row)


def message_of(row: Row, name: str) -> dict[str, str]:
    """For the queue: whose it is, and what."""
    return {"workspace_id": str(row["workspace_id"]), name: str(row["id"])}


def _ingest(row: Row) -> IngestAnswer:
    return IngestAnswer(
        **{
            name: row[name] for name in ("id", "collection", "status", "refused", "created_at", "finished_at")
        },
        runbooks=IngestCounts(**{name: row[name] for name in IngestCounts.model_fields}),
        failure=row["failure_reason"],
    )


def list_runbooks(
    principal: Principal, *, collection: str | None, cursor: str | None, limit: int
) -> RunbookPage:
    """Newest first. Raises: InvalidCursorError."""
    before = id_in(cursor)
    with transaction(principal.workspace_id) as conn:
        rows = store.runbooks(conn, collection=collection, before=before, limit=limit + 1)
    page, more = next_page(rows, limit, "id")
    return RunbookPage(items=[RunbookSummary(**row) for row in page], next_cursor=more)


def read_runbook(principal: Principal, runbook_id: UUID) -> RunbookAnswer:
    """One runbook. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        row, pieces = store.runbook(conn, runbook_id), store.chunks(conn, runbook_id)
    if row is None:
        raise NotFoundError
    shown = {name: row[name] for name in ("id", "collection", "path", "title", "created_at", "updated_at")}
    return RunbookAnswer(**shown, text=row["content"], chunks=[ChunkAnswer(**piece) for piece in pieces])


def delete_runbook(principal: Principal, runbook_id: UUID) -> None:
    """Answers that cite it keep their quotes. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        if not store.delete_runbook(conn, runbook_id):
            raise NotFoundError
    logger.info("runbook deleted", runbook_id=str(runbook_id))
