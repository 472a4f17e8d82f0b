"""The state machine's step that turns a contact sheet into vectors."""

from typing import Any
from uuid import UUID

from sightline.contracts.inference import SheetLayout
from sightline.database import Row, transaction
from sightline.errors import ModelRevisionGoneError
from sightline.media import run_store
from sightline.media.indexing import superseded
from sightline.ports.inference import Embedder, Embedding
from sightline.ports.objects import Blobs
from sightline.vectors.store import ensure_space, replace_sheet_points


def embed_frames(
    *, workspace_id: str, asset_id: str, run: int, sheet_no: int, blobs: Blobs, embedder: Embedder
) -> dict[str, Any]:
    """Embeds one contact sheet and stores its vectors, in one transaction with the progress.

    All sheets of a run come from one revision of one model: the one that embedded the first.

    Raises: EndpointUnavailableError, EndpointRefusedError, ModelRevisionGoneError, ConflictError.
    """
    asset_uuid = UUID(asset_id)
    with transaction(workspace_id) as conn:
        row = _live(run_store.running(conn, asset_uuid, run))
        sheet = _live(run_store.sheet(conn, asset_uuid, run, sheet_no))
    jpeg, layout = blobs.get(sheet["object_key"]), _layout(sheet)
    revision = row["model_revision"]
    while True:
        embedding = embedder.embed_sheet(jpeg, layout, revision=revision)
        pinned = _store_vectors(workspace_id, asset_uuid, run, sheet, embedding)
        if pinned == (embedding.model_id, embedding.revision):
            return {"frames": sheet["tiles"]}
        if pinned[0] != embedding.model_id or revision is not None:
            raise ModelRevisionGoneError(f"The run began with {pinned[0]} at {pinned[1]}.")
        revision = pinned[1]  # another sheet was first, with another revision


def _layout(sheet: Row) -> SheetLayout:
    return SheetLayout(
        columns=sheet["columns"],
        tile_width=sheet["tile_width"],
        tile_height=sheet["tile_height"],
        tiles=sheet["tiles"],
    )


def _store_vectors(
    workspace_id: str, asset_id: UUID, run: int, sheet: Row, embedding: Embedding
) -> tuple[str, str]:
    """Writes one sheet's vectors, if they are of the run's model; answers which one that is."""
    with transaction(workspace_id) as conn:
        # Holds off the purge and the sweep: vectors are written for a run that lives, or not at all.
        _live(run_store.running(conn, asset_id, run, lock=True))
        served = (embedding.model_id, embedding.revision)
        pinned = run_store.pin_model(conn, asset_id, run, model_id=served[0], revision=served[1])
        if pinned == served:
            replace_sheet_points(
                conn,
                space=ensure_space(conn, model_id=embedding.model_id, dim=embedding.dim),
                workspace_id=workspace_id,
                asset_id=asset_id,
                run=run,
                sheet_no=sheet["sheet_no"],
                times_s=sheet["times_s"],
                vectors=embedding.vectors,
            )
            run_store.mark_embedded(conn, asset_id, run, sheet["sheet_no"])
    return pinned


def _live(row: Row | None) -> Row:
    if row is None:
        raise superseded()
    return row
