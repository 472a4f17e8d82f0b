"""What can be done with exports over the API, each in one transaction."""

from typing import Any
from uuid import UUID

from sightline.cursor import id_in, next_page
from sightline.database import Row, transaction
from sightline.errors import ConflictError, NotFoundError, ValidationError
from sightline.ports.objects import Blobs
from sightline.ports.work import ExportRuns
from sightline.principal import Principal
from sightline.scenarios.exports import rules, store
from sightline.scenarios.exports.ending import drop_upload
from sightline.scenarios.exports.schemas import (
    Download,
    ExportAnswer,
    ExportFailure,
    ExportPage,
    ExportProgress,
    ExportRequest,
)
from sightline.settings import get_settings
from sightline.telemetry import logger


def create_export(principal: Principal, wanted: ExportRequest, *, runs: ExportRuns) -> ExportAnswer:
    """An export that is being written from now on. Raises: ValidationError."""
    with transaction(principal.workspace_id) as conn:
        _check_videos(conn, wanted)
        if wanted.search_id is not None and not store.is_recorded(conn, wanted.search_id):
            raise NotFoundError("There is no such search.")
        export_id = store.add_export(
            conn,
            workspace_id=principal.workspace_id,
            created_by=principal.user_id,
            name=wanted.name,
            request=_kept(wanted, principal),
        )
        ids: dict[str, Any] = {"workspace_id": principal.workspace_id, "export_id": export_id}
        if wanted.moments is not None:
            store.add_moments(conn, **ids, moments=[moment.model_dump() for moment in wanted.moments])
        elif wanted.asset_ids is not None:
            store.add_whole_videos(conn, **ids, asset_ids=list(dict.fromkeys(wanted.asset_ids)))
        row = found(store.export(conn, export_id))
    # When this fails the sweep finds the row and starts it.
    start(row, runs=runs)
    logger.info("export created", export_id=str(export_id))
    return answer_of(row)


def _check_videos(conn: Any, wanted: ExportRequest) -> None:
    named = {moment.asset_id for moment in wanted.moments or ()} | set(wanted.asset_ids or ())
    missing = named - store.known_assets(conn, list(named)) if named else set()
    if missing:
        field = "body.moments" if wanted.moments is not None else "body.asset_ids"
        message = f"{len(missing)} of {len(named)} videos are not there or not indexed."
        raise ValidationError("See errors for the fields.", errors=[{"field": field, "message": message}])


def _kept(wanted: ExportRequest, principal: Principal) -> dict[str, Any]:
    """The request without its moments, which have rows of their own; and who asks, for a search."""
    kept = wanted.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"moments"})
    return {**kept, "frames": wanted.frame_choice, "asked_by": principal.principal_id}


def start(row: Row, *, runs: ExportRuns) -> None:
    """Starts the machine for the row's attempt; started twice, it runs once."""
    ids = {
        "workspace_id": str(row["workspace_id"]),
        "export_id": str(row["id"]),
        "attempt": row["attempt"],
    }
    runs.start(rules.execution_name(row["id"], row["attempt"]), ids)


def list_exports(principal: Principal, *, cursor: str | None, limit: int) -> ExportPage:
    """A page of the workspace's exports, newest first."""
    with transaction(principal.workspace_id) as conn:
        rows = store.exports(conn, before=id_in(cursor), limit=limit + 1)
    rows, following = next_page(rows, limit, "id")
    return ExportPage(items=[answer_of(row) for row in rows], next_cursor=following)


def read_export(principal: Principal, export_id: UUID, *, blobs: Blobs) -> ExportAnswer:
    """One export, with a fresh address while it is ready. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        row = found(store.export(conn, export_id))
    answer = answer_of(row)
    if row["status"] == "ready":
        signed = blobs.presign_get(
            row["object_key"],
            expires_s=get_settings().download_expires_s,
            download_name=f"{row['name']}.zip",
        )
        answer.download = Download(url=signed.url, expires_at=signed.expires_at)
    return answer


def cancel_export(principal: Principal, export_id: UUID, *, blobs: Blobs) -> ExportAnswer:
    """Stops it; what was written is dropped. Raises: NotFoundError, ConflictError."""
    with transaction(principal.workspace_id) as conn:
        row = found(store.export(conn, export_id))
        ended = store.end(conn, export_id, status="cancelled")
        row = store.export(conn, export_id) or row
    if ended is None:
        raise ConflictError(f"An export that is {row['status']} cannot be cancelled.")
    drop_upload(ended, blobs=blobs)
    return answer_of(row)


def delete_export(principal: Principal, export_id: UUID, *, blobs: Blobs) -> None:
    """Removes it with its archive. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        row = found(store.mark_deleted(conn, export_id))
    # When this fails the sweep finds the row and goes on.
    purge(row, blobs=blobs)


def purge(row: Row, *, blobs: Blobs) -> int:
    """Removes a deleted export: objects first, so that a failure leaves the row to try again by."""
    drop_upload(row, blobs=blobs)
    removed = blobs.delete_prefix(rules.exports_prefix(row["workspace_id"], row["id"]))
    with transaction(row["workspace_id"]) as conn:
        store.remove(conn, row["id"])
    return removed


def found(row: Row | None) -> Row:
    """Raises: NotFoundError where there is nothing, or nothing of this workspace."""
    if row is None:
        raise NotFoundError("There is no such export.")
    return row


_HIDDEN = ("name", "asked_by")


def answer_of(row: Row) -> ExportAnswer:
    """An export's row as its owner sees it."""
    shown: dict[str, Any] = {name: row[name] for name in ExportAnswer.model_fields if name in row}
    done, total = row["pieces_done"], row["pieces_total"]
    failed = row["failure_code"] is not None
    shown["request"] = {name: value for name, value in row["request"].items() if name not in _HIDDEN}
    return ExportAnswer(
        **shown,
        progress=ExportProgress(
            done=done,
            total=total,
            fraction=rules.fraction_done(status=row["status"], done=done, total=total),
            archive_bytes=row["archive_bytes"],
        ),
        download=None,
        failure=ExportFailure(code=row["failure_code"], reason=row["failure_reason"]) if failed else None,
    )
