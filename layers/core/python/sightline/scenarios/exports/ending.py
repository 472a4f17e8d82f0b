"""How an export ends that is not finished: its parts are dropped, and somebody is told."""

from typing import Any
from uuid import UUID

from sightline.database import Row, transaction
from sightline.ports.objects import Blobs
from sightline.ports.work import Events
from sightline.scenarios.exports import rules, store

READY, FAILED = "export.ready", "export.failed"


def give_up(workspace_id: UUID, export_id: UUID, code: str, *, blobs: Blobs, events: Events) -> None:
    """Writes the failure down, drops what was written, and tells."""
    with transaction(workspace_id) as conn:
        row = store.end(conn, export_id, status="failed", code=code, reason=rules.FAILURE_CODES[code])
    if row is not None:
        drop_upload(row, blobs=blobs)
        events.publish(FAILED, {**detail(row), "code": code})


def drop_upload(row: Row, *, blobs: Blobs) -> None:
    """Drops the parts of an archive that nobody will finish."""
    if row["upload_id"] is None:
        return
    blobs.abort_multipart(row["object_key"], upload_id=row["upload_id"])
    with transaction(row["workspace_id"]) as conn:
        store.forget_upload(conn, row["id"])


def detail(row: Row) -> dict[str, Any]:
    """What events say of an export."""
    return {"workspace_id": str(row["workspace_id"]), "export_id": str(row["id"])}
