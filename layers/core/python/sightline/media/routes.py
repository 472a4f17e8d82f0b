"""/v1/assets and /v1/users/me/videos."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request

from sightline.accounts.erasures import ErasureStarted
from sightline.errors import ConflictError, UnsupportedMediaTypeError, UploadExpiredError
from sightline.http import (
    CurrentUser,
    Cursor,
    Limit,
    Principal,
    create_router,
    port,
    problems,
    rate_limited,
    require_role,
)
from sightline.media import pipeline, rules, uploads
from sightline.media.schemas import (
    AssetAnswer,
    AssetChange,
    AssetCreated,
    AssetPage,
    AssetRequest,
    CompleteRequest,
    MultipartUpload,
    PartsAnswer,
    PartsRequest,
    PutUpload,
    Status,
)
from sightline.ports.objects import Blobs
from sightline.ports.work import Pipeline, Queue

router = create_router(prefix="/v1", tags=["media"])

Reader = Annotated[Principal, require_role("viewer", "assets:read")]
Editor = Annotated[Principal, require_role("editor", "assets:write")]
Store = Annotated[Blobs, port(Blobs)]
Purges = Annotated[Queue, port(Queue)]
Runs = Annotated[Pipeline, port(Pipeline)]
_WRITE_RATE = [rate_limited("assets", lambda settings: settings.write_rate_per_minute)]
_META = "meta."
_MAX_FILTERS = 10


def metadata_filter(request: Request) -> dict[str, str]:
    """meta.key=value pairs of the query."""
    wanted = {
        key.removeprefix(_META): value for key, value in request.query_params.items() if key.startswith(_META)
    }
    if len(wanted) > _MAX_FILTERS or any(len(k) > 200 or len(v) > 1000 for k, v in wanted.items()):
        raise rules.invalid(
            "query.meta.*", f"At most {_MAX_FILTERS}, keys to 200 characters, values to 1000."
        )
    for key, value in wanted.items():
        rules.check_text("query.meta.*", key + value)
    return wanted


Metadata = Annotated[dict[str, str], Depends(metadata_filter)]


@router.post(
    "/assets", status_code=201, dependencies=_WRITE_RATE, responses=problems(UnsupportedMediaTypeError)
)
def create_asset(body: AssetRequest, principal: Editor, blobs: Store) -> AssetCreated:
    """Announces a video; the answer says how to upload it."""
    return pipeline.create_asset(principal, body, blobs=blobs)


@router.get("/assets")
def list_assets(
    principal: Reader,
    metadata: Metadata,
    cursor: Cursor = None,
    limit: Limit = 50,
    status: Status | None = None,
    tag: Annotated[str | None, Query(max_length=100)] = None,
) -> AssetPage:
    """Assets, newest first; meta.k=v keeps those whose metadata has v under k."""
    return pipeline.list_assets(
        principal, cursor=cursor, limit=limit, status=status, tag=tag, metadata=metadata
    )


@router.get("/users/me/videos")
def list_my_videos(principal: CurrentUser, cursor: Cursor = None, limit: Limit = 50) -> AssetPage:
    """What the caller uploaded, in every workspace they belong to."""
    return pipeline.list_my_videos(principal, cursor=cursor, limit=limit)


@router.get("/assets/{asset_id}")
def read_asset(asset_id: UUID, principal: Reader) -> AssetAnswer:
    """One asset: its state, how far it is, and why it failed if it did."""
    return pipeline.read_asset(principal, asset_id)


@router.patch("/assets/{asset_id}")
def change_asset(asset_id: UUID, body: AssetChange, principal: Editor) -> AssetAnswer:
    """Replaces its name, metadata or tags."""
    return pipeline.change_asset(principal, asset_id, body)


@router.delete("/assets/{asset_id}", status_code=202)
def delete_asset(asset_id: UUID, principal: Editor, purges: Purges) -> ErasureStarted:
    """Hides it at once; its rows, vectors and objects are removed soon after, and a report proves it."""
    return pipeline.delete_asset(principal, asset_id, purges=purges)


@router.post("/assets/{asset_id}/reprocess", status_code=202, dependencies=_WRITE_RATE)
def reprocess_asset(asset_id: UUID, principal: Editor, runs: Runs) -> AssetAnswer:
    """Indexes it once more; until that is done, searches find what was indexed before."""
    return pipeline.reprocess_asset(principal, asset_id, pipeline=runs)


@router.get("/assets/{asset_id}/upload", responses=problems(ConflictError, UploadExpiredError))
def read_upload(asset_id: UUID, principal: Editor, blobs: Store) -> PutUpload | MultipartUpload:
    """How to go on with an upload: a fresh address, or the parts that are there."""
    return uploads.read(principal, asset_id, blobs=blobs)


@router.post("/assets/{asset_id}/upload/parts", responses=problems(UploadExpiredError))
def sign_parts(asset_id: UUID, body: PartsRequest, principal: Editor, blobs: Store) -> PartsAnswer:
    """Addresses for some of a multipart upload's parts."""
    return uploads.sign_parts(principal, asset_id, body.part_numbers, blobs=blobs)


@router.post(
    "/assets/{asset_id}/upload/complete",
    dependencies=_WRITE_RATE,
    responses=problems(UploadExpiredError),
)
def complete_upload(asset_id: UUID, body: CompleteRequest, principal: Editor, blobs: Store) -> AssetAnswer:
    """Puts the parts together, which starts indexing."""
    uploads.complete(principal, asset_id, body.parts, blobs=blobs)
    return pipeline.read_asset(principal, asset_id)


@router.delete("/assets/{asset_id}/upload", status_code=204, responses=problems(UploadExpiredError))
def abandon_upload(asset_id: UUID, principal: Editor, blobs: Store) -> None:
    """Gives the upload up."""
    uploads.abandon(principal, asset_id, blobs=blobs)
