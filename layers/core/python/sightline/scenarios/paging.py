"""Cursors of a search: the next page goes on after the last moment, by the same vector."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from sightline.cursor import decode_cursor, encode_cursor
from sightline.errors import InvalidCursorError
from sightline.scenarios.rules import MAX_FRAMES, MIN_FRAMES, Position, position
from sightline.scenarios.schemas import Moment, SearchRequest


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
    asked, search_id, frames, score, asset_id, peak_s = decode_cursor(
        request.cursor, (str, str, int, float, str, float)
    )
    if asked != fingerprint(request):
        raise InvalidCursorError("The cursor belongs to another text or other filters.")
    try:
        place = Place(UUID(search_id), frames, (score, str(UUID(asset_id)), peak_s))
    except ValueError as error:
        raise InvalidCursorError from error
    if not MIN_FRAMES <= frames <= MAX_FRAMES:
        raise InvalidCursorError
    return place


def cursor_after(last: Moment, *, request: SearchRequest, search_id: UUID, frames: int) -> str:
    """Where the page after this one begins."""
    return encode_cursor(fingerprint(request), str(search_id), frames, *position(last))


def fingerprint(request: SearchRequest) -> str:
    """What a cursor belongs to: another question's cursor is refused."""
    asked = request.model_dump_json(include={"text", "filters"})
    return hashlib.sha256(asked.encode()).hexdigest()[:16]
