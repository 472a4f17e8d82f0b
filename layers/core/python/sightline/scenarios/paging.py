"""Cursors of a search: the next page goes on after the last moment, by the same vectors."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from sightline.cursor import decode_cursor, encode_cursor
from sightline.errors import InvalidCursorError
from sightline.scenarios.rules import MAX_FRAMES, MIN_FRAMES, Position
from sightline.scenarios.schemas import SearchRequest


@dataclass(frozen=True, slots=True)
class Place:
    """Where the page before ended: its search, how many frames it ranked, its last moment."""

    search_id: UUID
    frames: int
    after: Position


def read_place(request: SearchRequest) -> Place | None:
    """Where to go on. Raises: InvalidCursorError for a cursor of another question."""
    if request.cursor is None:
        return None
    asked, search_id, frames, rank, asset_id, peak_s = decode_cursor(
        request.cursor, (str, str, int, float, str, float)
    )
    if asked != fingerprint(request).hex()[:16]:
        raise InvalidCursorError("The cursor belongs to another question.")
    try:
        place = Place(UUID(search_id), frames, (rank, str(UUID(asset_id)), peak_s))
    except ValueError as error:
        raise InvalidCursorError from error
    if not MIN_FRAMES <= frames <= MAX_FRAMES:
        raise InvalidCursorError
    return place


def cursor_after(last: Position, *, request: SearchRequest, search_id: UUID, frames: int) -> str:
    """Where the page after this one begins."""
    rank, asset_id, peak_s = last
    place = (float(rank), asset_id, float(peak_s))
    return encode_cursor(fingerprint(request).hex()[:16], str(search_id), frames, *place)


def fingerprint(request: SearchRequest) -> bytes:
    """What a question is told from others by, whichever page of it is asked for."""
    asked = request.model_dump_json(exclude={"limit", "cursor"}, by_alias=True)
    return hashlib.sha256(asked.encode()).digest()
