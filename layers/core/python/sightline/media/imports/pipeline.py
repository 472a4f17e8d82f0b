"""What can be done with imports over the API."""

from typing import Any
from uuid import UUID

from sightline.cursor import decode_cursor, encode_cursor, id_in, next_page
from sightline.database import Row, transaction
from sightline.errors import ConflictError, InvalidCursorError, NotFoundError
from sightline.media.imports import rules, store
from sightline.media.imports.schemas import (
    ImportAnswer,
    ImportCounts,
    ImportedObject,
    ImportedObjectPage,
    ImportFailure,
    ImportPage,
    ImportRequest,
    IndexedCounts,
)
from sightline.media.rules import check_metadata, check_text
from sightline.ports.work import ImportRuns
from sightline.principal import Principal
from sightline.settings import get_settings
from sightline.telemetry import logger


def create_import(principal: Principal, wanted: ImportRequest, *, runs: ImportRuns) -> ImportAnswer:
    """An import that is being worked on from now on. Raises: ForbiddenError, ValidationError."""
    check_metadata(wanted.metadata)
    for tag in wanted.tags:
        check_text("body.tags", tag)
    bucket, prefix, keys = _place(principal, wanted)
    with transaction(principal.workspace_id) as conn:
        import_id = store.add_import(
            conn,
            workspace_id=principal.workspace_id,
            created_by=principal.user_id,
            bucket=bucket,
            prefix=prefix,
            metadata=wanted.metadata,
            tags=list(dict.fromkeys(wanted.tags)),
            interval_s=wanted.interval_s or get_settings().default_interval_s,
            status="listing" if keys is None else "fetching",
        )
        row = found(store.one_import(conn, import_id))
        if keys is not None:
            store.add_objects(conn, row, list(dict.fromkeys(keys)), listed_after="", complete=True)
            row = found(store.one_import(conn, import_id))
    # When this fails the sweep finds the row and starts it.
    start(row, runs=runs)
    logger.info("import created", import_id=str(import_id))
    return answer_of(row)


def _place(principal: Principal, wanted: ImportRequest) -> tuple[str, str, list[str] | None]:
    """Bucket, prefix and keys, as far as they are allowed."""
    settings = get_settings()
    places = rules.places_of(settings.import_buckets)
    workspace_id = principal.workspace_id
    bucket, below = wanted.bucket, ""
    if bucket is None:
        drop = rules.default_place(places, workspace_id=workspace_id)
        bucket, below = drop.bucket, drop.prefix
    prefix = below + wanted.prefix
    keys = None if wanted.keys is None else [below + key for key in wanted.keys]
    rules.check_allowed(
        places,
        bucket=bucket,
        keys=[prefix] if keys is None else keys,
        workspace_id=workspace_id,
        media_bucket=settings.media_bucket,
    )
    return bucket, prefix, keys


def start(row: Row, *, runs: ImportRuns) -> None:
    """Starts the machine for the row's attempt; started twice, it runs once."""
    ids = {
        "workspace_id": str(row["workspace_id"]),
        "import_id": str(row["id"]),
        "attempt": row["attempt"],
    }
    runs.start(rules.execution_name(row["id"], row["attempt"]), ids)


def list_imports(principal: Principal, *, cursor: str | None, limit: int) -> ImportPage:
    """A page of the workspace's imports, newest first."""
    with transaction(principal.workspace_id) as conn:
        rows = store.imports(conn, before=id_in(cursor), limit=limit + 1)
    rows, following = next_page(rows, limit, "id")
    return ImportPage(items=[answer_of(row) for row in rows], next_cursor=following)


def read_import(principal: Principal, import_id: UUID) -> ImportAnswer:
    """One import. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        return answer_of(found(store.one_import(conn, import_id)))


def list_objects(
    principal: Principal, import_id: UUID, *, cursor: str | None, limit: int, status: str | None
) -> ImportedObjectPage:
    """What became of each object, and why. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        found(store.one_import(conn, import_id))
        rows = store.objects(conn, import_id, after=_after(cursor), limit=limit + 1, status=status)
    following = encode_cursor(rows[limit - 1]["no"]) if len(rows) > limit else None
    return ImportedObjectPage(items=[_object(row) for row in rows[:limit]], next_cursor=following)


def cancel_import(principal: Principal, import_id: UUID) -> ImportAnswer:
    """Stops it; what was registered stays. Raises: NotFoundError, ConflictError."""
    with transaction(principal.workspace_id) as conn:
        row = found(store.one_import(conn, import_id))
        if store.end(conn, import_id, status="cancelled") is None:
            raise ConflictError(f"An import that is {row['status']} cannot be cancelled.")
        return answer_of(found(store.one_import(conn, import_id)))


def found(row: Row | None) -> Row:
    """Raises: NotFoundError where there is nothing, or nothing of this workspace."""
    if row is None:
        raise NotFoundError("There is no such import.")
    return row


def answer_of(row: Row) -> ImportAnswer:
    """An import's row as its owner sees it."""
    shown: dict[str, Any] = {name: row[name] for name in ImportAnswer.model_fields if name in row}
    why = {"code": row["failure_code"], "reason": row["failure_reason"]}
    return ImportAnswer(
        **shown,
        objects=ImportCounts(**{name: row[name] for name in ImportCounts.model_fields}),
        videos=IndexedCounts(**{name: row[name] for name in IndexedCounts.model_fields}),
        failure=ImportFailure(**why) if row["failure_code"] is not None else None,
    )


def _object(row: Row) -> ImportedObject:
    failed = row["code"] is None and row["failure_code"] is not None
    return ImportedObject(
        key=row["key"],
        size_bytes=row["size_bytes"],
        status=row["status"],
        asset_id=row["asset_id"],
        asset_status=row["asset_status"],
        code=row["failure_code"] if failed else row["code"],
        reason=row["failure_reason"] if failed else row["reason"],
    )


def _after(cursor: str | None) -> int:
    if cursor is None:
        return 0
    (after,) = decode_cursor(cursor, (int,))
    if not 0 <= after < 2**31:
        raise InvalidCursorError
    return int(after)
