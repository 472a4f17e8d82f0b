"""/v1/imports."""

from typing import Annotated
from uuid import UUID

from sightline.errors import ConflictError
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
from sightline.media.imports import pipeline
from sightline.media.imports.schemas import (
    ImportAnswer,
    ImportedObjectPage,
    ImportPage,
    ImportRequest,
    ObjectStatus,
)
from sightline.ports.work import ImportRuns

router = create_router(prefix="/v1/imports", tags=["imports"])

Reader = Annotated[Principal, require_role("viewer", "assets:read")]
Editor = Annotated[Principal, require_role("editor", "assets:write")]
_RATE = [rate_limited("imports", lambda settings: settings.import_rate_per_minute)]


@router.post("", status_code=202, dependencies=_RATE)
def create_import(
    body: ImportRequest, principal: Editor, runs: Annotated[ImportRuns, port(ImportRuns)]
) -> ImportAnswer:
    """Begins to register videos that lie in a bucket already."""
    return pipeline.create_import(principal, body, runs=runs)


@router.get("")
def list_imports(principal: Reader, cursor: Cursor = None, limit: Limit = 50) -> ImportPage:
    """Imports, newest first."""
    return pipeline.list_imports(principal, cursor=cursor, limit=limit)


@router.get("/{import_id}")
def read_import(import_id: UUID, principal: Reader) -> ImportAnswer:
    """One import: how many objects were registered, skipped and refused, and how far their videos are."""
    return pipeline.read_import(principal, import_id)


@router.get("/{import_id}/objects")
def list_objects(
    import_id: UUID,
    principal: Reader,
    cursor: Cursor = None,
    limit: Limit = 50,
    status: ObjectStatus | None = None,
) -> ImportedObjectPage:
    """The report: what became of each object, and why."""
    return pipeline.list_objects(principal, import_id, cursor=cursor, limit=limit, status=status)


@router.post("/{import_id}/cancel", responses=problems(ConflictError))
def cancel_import(import_id: UUID, principal: Editor) -> ImportAnswer:
    """Stops an import; what was registered stays."""
    return pipeline.cancel_import(principal, import_id)
