"""Removes what deleted assets and workspaces left, and proves that it is gone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sightline.accounts import erasures
from sightline.database import transaction
from sightline.media import rules, store, uploads
from sightline.ports.objects import Blobs
from sightline.ports.work import Events
from sightline.telemetry import logger

DELETED = "asset.deleted"

EraseVideo = Callable[[UUID, UUID], Mapping[str, int]]
"""Removes what a domain keeps of a video outside the database; answers how many objects, by kind."""


@dataclass(frozen=True, slots=True)
class Erasers:
    """What domains add to a purge: each removes its own, and names where its objects lie."""

    erase_video: Sequence[EraseVideo] = ()
    prefixes: Sequence[Callable[[UUID], str]] = ()
    """Of a workspace's objects that are not media's own."""


def purge(message: Mapping[str, Any], *, blobs: Blobs, events: Events, erasers: Erasers) -> None:
    """A deleted asset, or a deleted workspace that holds none any more. Done twice, it is done once."""
    workspace_id = UUID(str(message["workspace_id"]))
    if message.get("asset_id") is None:
        purge_workspace(workspace_id, blobs=blobs, erasers=erasers)
    else:
        asset_id = UUID(str(message["asset_id"]))
        purge_asset(workspace_id, asset_id, blobs=blobs, events=events, erasers=erasers)


def purge_asset(
    workspace_id: UUID, asset_id: UUID, *, blobs: Blobs, events: Events, erasers: Erasers
) -> None:
    """Objects first, so that a failure leaves the row to try again by."""
    with transaction(workspace_id) as conn:
        row = store.any_asset(conn, asset_id)
    if row is not None and row["deleted_at"] is None:
        return
    if row is not None:
        uploads.discard(row, blobs=blobs)
    prefixes = _prefixes(workspace_id, asset_id)
    removed = {kind: blobs.delete_prefix(prefix) for kind, prefix in prefixes.items()}
    for erase in erasers.erase_video:
        removed |= erase(workspace_id, asset_id)
    with transaction(workspace_id) as conn:
        erasures.add_objects(conn, asset_id=asset_id, removed=removed)
    with transaction(workspace_id) as conn:
        erased = store.erase_asset(conn, asset_id)
        erasures.add_rows(conn, asset_id=asset_id, removed=erased)
    _prove(workspace_id, asset_id, prefixes=prefixes, blobs=blobs)
    if row is not None and "asset" in erased:
        detail = {"workspace_id": str(workspace_id), "asset_id": str(asset_id), "run": row["run"]}
        events.publish(DELETED, detail)


def _prefixes(workspace_id: UUID, asset_id: UUID) -> dict[str, str]:
    return {
        "sources": rules.source_key(workspace_id, asset_id),
        "sheets": rules.sheets_prefix(workspace_id, asset_id),
    }


def _prove(workspace_id: UUID, asset_id: UUID, *, prefixes: Mapping[str, str], blobs: Blobs) -> None:
    """Looks again, by listing and counting, and writes down what there is."""
    objects_left = sum(blobs.count_versions(prefix) for prefix in prefixes.values())
    with transaction(workspace_id) as conn:
        rows_left = store.rows_left(conn, asset_id)
        erasures.close(
            conn,
            subject="asset",
            subject_id=asset_id,
            objects_left=objects_left,
            rows_left=rows_left,
            ids_kept=store.mentions(conn, asset_id),
        )
    if objects_left or rows_left:
        raise RuntimeError(f"{objects_left} objects and {rows_left} rows of a deleted asset are left")


def purge_workspace(workspace_id: UUID, *, blobs: Blobs, erasers: Erasers) -> None:
    """Everything that is left of it: objects, rows, and at last the row of the workspace itself."""
    with transaction() as conn:
        if not store.is_emptied(conn, workspace_id):
            return
    prefixes = [
        f"uploads/{workspace_id}/",
        f"sheets/{workspace_id}/",
        *(prefix(workspace_id) for prefix in erasers.prefixes),
    ]
    removed = {prefix.partition("/")[0]: blobs.delete_prefix(prefix) for prefix in prefixes}
    with transaction(workspace_id) as conn:
        erasures.add_objects(conn, asset_id=None, removed=removed)
        erasures.add_rows(conn, asset_id=None, removed=store.erase_workspace(conn))
    objects_left = sum(blobs.count_versions(prefix) for prefix in prefixes)
    with transaction(workspace_id) as conn:
        rows_left = store.rows_left(conn, None)
        erasures.close(
            conn,
            subject="workspace",
            subject_id=workspace_id,
            objects_left=objects_left,
            rows_left=rows_left,
            ids_kept={},
        )
    if objects_left or rows_left:
        raise RuntimeError(f"{objects_left} objects and {rows_left} rows of a deleted workspace are left")
    logger.info("workspace erased", workspace_id=str(workspace_id))
