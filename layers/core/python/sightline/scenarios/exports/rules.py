"""What holds for exports, decided without looking anything up."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

MIB = 1024**2
PART_BYTES = 12 * MIB
"""Bytes gathered for a part: 10,000 parts are 117 GiB, more than an archive may have."""
MAX_ARCHIVE_BYTES = 100 * 1024**3
MAX_CLIP_BYTES = 400_000_000
"""Bytes of one clip: it is put together in the 512 MB that a function has in /tmp."""
MOST_BEGINNINGS = 3
"""How often an archive is begun again whose upload was lost."""
RUNNING = frozenset({"queued", "preparing", "writing"})

# code -> what it means; docs/exports.md lists each.
FAILURE_CODES = {
    "no-moments": "Nothing was found that could be exported.",
    "search-refused": "The search cannot be run any more: it, or what it names, was deleted.",
    "too-many-files": "It would have more than 100,000 frames and clips.",
    "too-large": "It would be larger than 100 GiB.",
    "upload-lost": "The archive's upload was lost again and again.",
    "video-deleted": "A video in it was deleted, and the archive with it.",
    "gave-up": "Writing was started again and again and did not end.",
    "internal-error": "Something failed on our side; export again.",
}
PROBLEMS = {
    "video-deleted": "The video was deleted.",
    "source-missing": "The uploaded object is gone.",
    "no-picture": "There is no whole picture at this time.",
    "unreadable": "The video cannot be decoded here.",
}


def exports_prefix(workspace_id: UUID | str, export_id: UUID | str | None = None) -> str:
    """Where a workspace's archives lie, or those of one export."""
    prefix = f"exports/{workspace_id}/"
    return prefix if export_id is None else f"{prefix}{export_id}/"


def archive_key(workspace_id: UUID | str, export_id: UUID | str, beginning: int) -> str:
    """Where the archive lies; one that was begun over lies elsewhere."""
    return f"{exports_prefix(workspace_id, export_id)}{beginning}.zip"


def execution_name(export_id: UUID | str, attempt: int) -> str:
    """An attempt is started once."""
    return f"{export_id}-{attempt}"


def path_of(piece: Mapping[str, Any], *, suffix: str) -> str:
    """A file's name in the archive: ids and milliseconds, never a name that somebody typed."""
    start_ms = round(piece["start_s"] * 1000)
    if piece["kind"] == "frame":
        return f"data/{piece['asset_id']}_{start_ms:09d}.{suffix}"
    return f"clips/{piece['asset_id']}_{start_ms:09d}-{round(piece['end_s'] * 1000):09d}.{suffix}"


def fraction_done(*, status: str, done: int, total: int) -> float:
    """How far an export is, 0 to 1; 1 only when it is ready."""
    if status in ("ready", "expired"):
        return 1.0
    return round(min(0.99, done / total), 4) if total else 0.0
