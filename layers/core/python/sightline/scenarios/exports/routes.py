"""/v1/exports."""

from typing import Annotated
from uuid import UUID

from sightline.errors import ConflictError, NotFoundError
from sightline.http import (
    Cursor,
    Limit,
    Principal,
    create_router,
    port,
    problems,
    rate_limited,
    require_role,
)
from sightline.ports.objects import Blobs
from sightline.ports.work import ExportRuns
from sightline.scenarios.exports import pipeline
from sightline.scenarios.exports.schemas import ExportAnswer, ExportPage, ExportRequest

router = create_router(prefix="/v1/exports", tags=["exports"])

Reader = Annotated[Principal, require_role("viewer", "assets:read")]
Editor = Annotated[Principal, require_role("editor", "assets:read")]
Store = Annotated[Blobs, port(Blobs)]
Runs = Annotated[ExportRuns, port(ExportRuns)]
_RATE = [rate_limited("exports", lambda settings: settings.export_rate_per_minute)]


@router.post("", status_code=202, dependencies=_RATE, responses=problems(NotFoundError))
def create_export(body: ExportRequest, principal: Editor, runs: Runs) -> ExportAnswer:
    """Begins to write full-resolution frames and clips of moments into a ZIP."""
    return pipeline.create_export(principal, body, runs=runs)


@router.get("")
def list_exports(principal: Reader, cursor: Cursor = None, limit: Limit = 50) -> ExportPage:
    """Exports, newest first."""
    return pipeline.list_exports(principal, cursor=cursor, limit=limit)


@router.get("/{export_id}")
def read_export(export_id: UUID, principal: Reader, blobs: Store) -> ExportAnswer:
    """One export: how far it is; while it is ready, where to download it."""
    return pipeline.read_export(principal, export_id, blobs=blobs)


@router.post("/{export_id}/cancel", responses=problems(ConflictError))
def cancel_export(export_id: UUID, principal: Editor, blobs: Store) -> ExportAnswer:
    """Stops an export that is being written."""
    return pipeline.cancel_export(principal, export_id, blobs=blobs)


@router.delete("/{export_id}", status_code=204)
def delete_export(export_id: UUID, principal: Editor, blobs: Store) -> None:
    """Removes an export with its archive."""
    pipeline.delete_export(principal, export_id, blobs=blobs)
