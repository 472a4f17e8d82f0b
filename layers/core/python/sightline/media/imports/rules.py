"""What holds for imports, decided without looking anything up."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Self
from uuid import UUID

from sightline.errors import ForbiddenError
from sightline.ports.objects import SourceObject

PAGE_OBJECTS = 1000
"""Objects a listing gives at a time: S3's own limit."""
MAX_OBJECTS = 100_000
"""Objects of one import: its execution's history ends at 25,000 events, and a batch of 25 makes about six."""
BATCH_OBJECTS = 25
BATCH_BYTES = 64 * 1024**3
"""Bytes one call copies at most, if not one object: S3 copies a GiB in some seconds, eight parts at once."""

# Suffix -> content type. What a file is, the file itself tells later: this decides what is fetched at all.
VIDEO_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/x-m4v",
    ".mov": "video/quicktime",
    ".3gp": "video/3gpp",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".avi": "video/x-msvideo",
    ".ts": "video/mp2t",
    ".m2ts": "video/mp2t",
    ".mpg": "video/mpeg",
    ".mpeg": "video/mpeg",
    ".flv": "video/x-flv",
    ".ogv": "video/ogg",
    ".wmv": "video/x-ms-wmv",
    ".asf": "video/x-ms-asf",
}
ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
# code -> what it means; docs/imports.md lists each.
REASONS = {
    "already-imported": "This version of the object was registered before.",
    "archived": "It lies in an archive tier: restore it first.",
    "changed": "It was replaced while it was imported: import again.",
    "empty-file": "It has no bytes.",
    "forbidden": "The bucket's policy or its key does not let us read it.",
    "gone": "There is no such object, or none that we may see.",
    "not-a-video": "Its name does not end like a video's.",
    "too-large": "It is larger than this stage accepts.",
}
FAILURES = {
    "forbidden": "The bucket's policy does not let us list it.",
    "no-bucket": "There is no such bucket.",
    "too-many-objects": "There are more than 100,000 objects below the prefix: import narrower prefixes.",
    "gave-up": "The import was started again and again and did not end.",
    "internal-error": "Something failed on our side; import again, what is there is skipped.",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a workspace may read: a bucket, or what lies below a prefix of it."""

    bucket: str
    prefix: str = ""
    workspace: str = ""

    @classmethod
    def of(cls, entry: str) -> Self:
        """bucket[/prefix][@workspace]."""
        path, _, workspace = entry.strip().partition("@")
        bucket, _, prefix = path.partition("/")
        return cls(bucket, prefix, workspace)

    def allows(self, *, bucket: str, key: str, workspace_id: str) -> bool:
        """Whether an object, or all below a prefix, may be read for a workspace."""
        if bucket != self.bucket or self.workspace not in ("", workspace_id):
            return False
        return key.startswith(self.prefix.replace("{workspace}", workspace_id))


def places_of(setting: str) -> list[Place]:
    """The places of SIGHTLINE_IMPORT_BUCKETS."""
    return [Place.of(entry) for entry in setting.split(",") if entry.strip()]


def check_allowed(
    places: Sequence[Place], *, bucket: str, keys: Sequence[str], workspace_id: str, media_bucket: str
) -> None:
    """Raises: ForbiddenError, which says what is allowed."""
    # Everything of every workspace lies there.
    open_to_us = [] if bucket == media_bucket else places
    for key in keys:
        if not any(place.allows(bucket=bucket, key=key, workspace_id=workspace_id) for place in open_to_us):
            mine = [place for place in places if place.workspace in ("", workspace_id)]
            shown = [f"{place.bucket}/{place.prefix}".replace("{workspace}", workspace_id) for place in mine]
            raise ForbiddenError(f"This workspace may import from: {', '.join(shown) or 'nowhere'}.")


def default_place(places: Sequence[Place], *, workspace_id: str) -> Place:
    """The stage's own drop bucket. Raises: ForbiddenError where it has none."""
    for place in places:
        if "{workspace}" in place.prefix:
            return Place(place.bucket, place.prefix.replace("{workspace}", workspace_id))
    raise ForbiddenError("This stage has no drop bucket: name a bucket.")


def refusal_of(found: SourceObject, *, max_bytes: int) -> str | None:
    """Why an object is not fetched, by its listing alone; None when it is."""
    if content_type_of(found.key) is None:
        return "not-a-video"
    if found.size_bytes == 0:
        return "empty-file"
    if found.size_bytes > max_bytes:
        return "too-large"
    return "archived" if found.storage_class in ARCHIVED else None


def content_type_of(key: str) -> str | None:
    """What the name says; None when it says no video."""
    return VIDEO_TYPES.get(PurePosixPath(key).suffix.lower())


def name_of(key: str) -> str:
    """The last part of a key, as the video's name."""
    return PurePosixPath(key).name[:1000] or key[:1000]


def batches_of(rows: Sequence[dict[str, Any]]) -> list[dict[str, int]]:
    """Runs of objects that one call fetches, as first and last number."""
    batches: list[dict[str, int]] = []
    size_bytes = 0
    for row in rows:
        size_bytes += row["size_bytes"] or 0
        last = batches[-1] if batches else None
        if last is None or row["no"] - last["first"] >= BATCH_OBJECTS or size_bytes > BATCH_BYTES:
            batches.append({"first": row["no"], "last": row["no"]})
            size_bytes = row["size_bytes"] or 0
        else:
            last["last"] = row["no"]
    return batches


def execution_name(import_id: UUID | str, attempt: int) -> str:
    """An attempt is started once."""
    return f"{import_id}-{attempt}"
