"""What holds for assets, decided without looking anything up."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from sightline.errors import PayloadTooLargeError, UnsupportedMediaTypeError, ValidationError
from sightline.media.schemas import MAX_PARTS

MIB = 1024**2

# Container family as FFmpeg names it -> the content types that announce it.
CONTENT_TYPE_FAMILIES = {
    "mov": frozenset({"video/mp4", "video/quicktime", "video/x-m4v", "video/3gpp", "video/3gpp2"}),
    "matroska": frozenset({"video/x-matroska", "video/matroska", "video/webm"}),
    "avi": frozenset({"video/x-msvideo", "video/avi", "video/vnd.avi"}),
    "mpegts": frozenset({"video/mp2t"}),
    "mpeg": frozenset({"video/mpeg"}),
    "flv": frozenset({"video/x-flv"}),
    "ogg": frozenset({"video/ogg"}),
    "asf": frozenset({"video/x-ms-wmv", "video/x-ms-asf"}),
}
UNKNOWN_TYPE = "application/octet-stream"
"""Accepted too: not every program knows what it uploads, and the file itself tells."""
CONTENT_TYPES = frozenset({UNKNOWN_TYPE}).union(*CONTENT_TYPE_FAMILIES.values())

MAX_METADATA_BYTES = 16 * 1024
MAX_METADATA_DEPTH = 8
MULTIPART_ABOVE_BYTES = 64 * MIB
PART_BYTES = 16 * MIB
REPROCESSABLE = frozenset({"ready", "failed"})
MAX_REDRIVES = 5


def source_key(workspace_id: UUID | str, asset_id: UUID | str) -> str:
    """Where an upload goes. Names never enter a key."""
    return f"uploads/{workspace_id}/{asset_id}/source"


def asset_of_key(key: str) -> tuple[UUID, UUID] | None:
    """Workspace and asset of a source key; None for any other key."""
    parts = key.split("/")
    if len(parts) != 4 or parts[0] != "uploads" or parts[3] != "source":
        return None
    try:
        return UUID(parts[1]), UUID(parts[2])
    except ValueError:
        return None


def sheets_prefix(workspace_id: UUID | str, asset_id: UUID | str, run: int | None = None) -> str:
    """Where an asset's contact sheets lie, or those of one run."""
    prefix = f"sheets/{workspace_id}/{asset_id}/"
    return prefix if run is None else f"{prefix}{run}/"


def sheet_key(workspace_id: UUID | str, asset_id: UUID | str, run: int, sheet_no: int) -> str:
    """Where one contact sheet lies."""
    return f"{sheets_prefix(workspace_id, asset_id, run)}{sheet_no:05d}.jpg"


def execution_name(asset_id: UUID | str, version_id: str, run: int) -> str:
    """The same upload and run have the same name, so a second event starts nothing."""
    return f"{asset_id}-{hashlib.sha256(version_id.encode()).hexdigest()[:8]}-{run}"


def checked_content_type(content_type: str) -> str:
    """Without parameters, lower case. Raises: UnsupportedMediaTypeError."""
    plain = content_type.partition(";")[0].strip().lower()
    if plain not in CONTENT_TYPES:
        raise UnsupportedMediaTypeError("Videos only: see docs/media.md for the content types.")
    return plain


def check_size(size_bytes: int, *, max_bytes: int) -> None:
    """Raises: PayloadTooLargeError."""
    if size_bytes > max_bytes:
        raise PayloadTooLargeError(f"A video has at most {max_bytes:,} bytes.")


def check_metadata(metadata: Mapping[str, Any]) -> None:
    """Raises: ValidationError for what would not fit, or what Postgres cannot keep as JSON."""
    try:
        text = json.dumps(metadata, allow_nan=False, ensure_ascii=False)
        size = len(text.encode())
    except (ValueError, RecursionError) as error:
        raise invalid("body.metadata", "Only JSON with finite numbers and valid text.") from error
    if size > MAX_METADATA_BYTES:
        raise invalid("body.metadata", f"At most {MAX_METADATA_BYTES} bytes.")
    if _depth(metadata) > MAX_METADATA_DEPTH:
        raise invalid("body.metadata", f"At most {MAX_METADATA_DEPTH} levels deep.")
    for word in _texts(metadata):
        check_text("body.metadata", word)


def _depth(value: Any) -> int:
    if isinstance(value, Mapping):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def check_text(field: str, value: str) -> None:
    """Raises: ValidationError for the one character Postgres cannot keep."""
    if "\0" in value:
        raise invalid(field, "Text without NUL characters.")


def invalid(field: str, message: str) -> ValidationError:
    """The answer to one field that is not valid."""
    return ValidationError("See errors for the fields.", errors=[{"field": field, "message": message}])


def part_count(size_bytes: int, part_size_bytes: int) -> int:
    """How many parts an upload has."""
    return math.ceil(size_bytes / part_size_bytes)


def part_size(size_bytes: int) -> int:
    """Bytes of each part but the last: as small as is sensible to repeat, as large as S3's limit demands."""
    needed = math.ceil(size_bytes / MAX_PARTS)
    return max(PART_BYTES, math.ceil(needed / MIB) * MIB)


def part_bytes(part_number: int, *, size_bytes: int, part_size_bytes: int) -> int:
    """Bytes of one part. Raises: ValidationError for a part the upload does not have."""
    count = part_count(size_bytes, part_size_bytes)
    if not 1 <= part_number <= count:
        raise invalid("body.part_numbers", f"This upload has the parts 1 to {count}.")
    return min(part_size_bytes, size_bytes - (part_number - 1) * part_size_bytes)


def fraction_done(*, status: str, done: int, total: int | None) -> float:
    """How far an asset is, 0 to 1; 1 only when it is ready."""
    if status == "ready":
        return 1.0
    return round(min(0.99, done / total), 4) if total else 0.0
