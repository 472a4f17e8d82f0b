"""What can be done with assets over the API, each in one transaction."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sightline.accounts import erasures
from sightline.accounts.erasures import ErasureStarted
from sightline.cursor import id_in, next_page
from sightline.database import Row, transaction
from sightline.errors import ConflictError, NotFoundError
from sightline.media import indexing, rules, store, uploads
from sightline.media.schemas import (
    AssetAnswer,
    AssetChange,
    AssetCreated,
    AssetPage,
    AssetRequest,
    FailureAnswer,
    Progress,
)
from sightline.ports.objects import Blobs
from sightline.ports.work import Pipeline, Queue
from sightline.principal import Principal
from sightline.settings import get_settings
from sightline.telemetry import logger


def create_asset(principal: Principal, wanted: AssetRequest, *, blobs: Blobs) -> AssetCreated:
    """A new asset and where to upload it. Raises: ValidationError, PayloadTooLargeError, ..."""
    settings = get_settings()
    rules.check_size(wanted.size_bytes, max_bytes=settings.max_upload_bytes)
    rules.check_text("body.name", wanted.name)
    _check_details(wanted.metadata, wanted.tags)
    with transaction(principal.workspace_id) as conn:
        row = store.add_asset(
            conn,
            workspace_id=principal.workspace_id,
            created_by=principal.user_id,
            name=wanted.name,
            content_type=rules.checked_content_type(wanted.content_type),
            size_bytes=wanted.size_bytes,
            interval_s=wanted.interval_s or settings.default_interval_s,
            metadata=wanted.metadata,
            tags=list(dict.fromkeys(wanted.tags)),
            captured_at=wanted.captured_at,
            upload_deadline_s=settings.upload_deadline_s,
        )
    row, upload = uploads.begin(row, blobs=blobs)
    logger.info("asset created", asset_id=str(row["id"]), size_bytes=wanted.size_bytes)
    return AssetCreated(asset=answer_of(row), upload=upload)


def list_assets(
    principal: Principal,
    *,
    cursor: str | None,
    limit: int,
    status: str | None,
    tag: str | None,
    metadata: Mapping[str, str],
) -> AssetPage:
    """A page of the workspace's assets, newest first."""
    rules.check_text("query.tag", tag or "")
    with transaction(principal.workspace_id) as conn:
        rows = store.assets(
            conn, before=id_in(cursor), limit=limit + 1, status=status, tag=tag, metadata=metadata
        )
    return _page(rows, limit)


def list_my_videos(principal: Principal, *, cursor: str | None, limit: int) -> AssetPage:
    """A page of what a person uploaded, in every workspace they belong to."""
    with transaction(user_id=principal.principal_id) as conn:
        rows = store.my_assets(conn, before=id_in(cursor), limit=limit + 1)
    return _page(rows, limit)


def read_asset(principal: Principal, asset_id: UUID) -> AssetAnswer:
    """One asset. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        return answer_of(found(store.asset(conn, asset_id)))


def change_asset(principal: Principal, asset_id: UUID, change: AssetChange) -> AssetAnswer:
    """Replaces name, metadata or tags. Raises: NotFoundError, ValidationError."""
    if change.name is not None:
        rules.check_text("body.name", change.name)
    _check_details(change.metadata or {}, change.tags or [])
    with transaction(principal.workspace_id) as conn:
        row = store.change_asset(
            conn,
            asset_id,
            name=change.name,
            metadata=change.metadata,
            tags=None if change.tags is None else list(dict.fromkeys(change.tags)),
            captured_at=change.captured_at,
        )
        return answer_of(found(row))


def delete_asset(principal: Principal, asset_id: UUID, *, purges: Queue) -> ErasureStarted:
    """Hides it now; the purge removes rows, vectors and objects. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        row = found(store.mark_deleted(conn, asset_id))
        erasure_id = erasures.begin(conn, principal, subject="asset", subject_id=asset_id)
    # When this fails the sweep finds the row and sends the message again.
    purges.send({"workspace_id": row["workspace_id"], "asset_id": row["id"]})
    logger.info("asset deleted", asset_id=str(asset_id))
    return ErasureStarted(erasure_id=erasure_id)


def reprocess_asset(principal: Principal, asset_id: UUID, *, pipeline: Pipeline) -> AssetAnswer:
    """Indexes it once more; what is indexed now stays until then. Raises: NotFoundError, ConflictError."""
    with transaction(principal.workspace_id) as conn:
        row = found(store.asset(conn, asset_id))
    if row["status"] not in rules.REPROCESSABLE:
        raise ConflictError(f"An asset that is {row['status']} cannot be processed again.")
    started = indexing.start_over(row, pipeline=pipeline, redrive=False)
    if started is None:
        raise ConflictError("It is being processed already.")
    return answer_of(started)


def found(row: Row | None) -> Row:
    """Raises: NotFoundError where there is nothing, or nothing of this workspace."""
    if row is None:
        raise NotFoundError("There is no such asset.")
    return row


def answer_of(row: Row) -> AssetAnswer:
    """An asset's row as its owner sees it."""
    shown: dict[str, Any] = {name: row[name] for name in AssetAnswer.model_fields if name in row}
    return AssetAnswer(**shown, progress=_progress(row), failure=_failure(row))


_STAGES = {"awaiting_upload": "uploading", "expired": "uploading"}


def _progress(row: Row) -> Progress:
    stage = row["stage"] if row["status"] == "processing" else _STAGES.get(row["status"], "done")
    done, total = row["frames_done"], row["frames_total"]
    if stage == "indexing" and total and done >= total:
        stage = "finishing"
    fraction = rules.fraction_done(status=row["status"], done=done, total=total)
    return Progress(stage=stage, done=done, total=total, fraction=fraction)


def _failure(row: Row) -> FailureAnswer | None:
    if row["failure_code"] is None:
        return None
    return FailureAnswer(code=row["failure_code"], reason=row["failure_reason"])


def _check_details(metadata: Mapping[str, Any], tags: list[str]) -> None:
    rules.check_metadata(metadata)
    for tag in tags:
        rules.check_text("body.tags", tag)


def _page(rows: list[Row], limit: int) -> AssetPage:
    rows, following = next_page(rows, limit, "id")
    return AssetPage(items=[answer_of(row) for row in rows], next_cursor=following)
