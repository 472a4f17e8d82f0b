"""Cursors of lists that are ordered by time and id."""

from datetime import datetime
from typing import Any

from sightline.cursor import decode_cursor, encode_cursor
from sightline.database import Row
from sightline.errors import InvalidCursorError


def place_of(cursor: str | None, kind: type) -> Any:
    """Where a list ordered by time and id goes on."""
    if cursor is None:
        return None
    at, name = decode_cursor(cursor, (str, str))
    try:
        return datetime.fromisoformat(at), kind(name)
    except ValueError as error:
        raise InvalidCursorError from error


def next_cursor(rows: list[Row], limit: int, time: str) -> str | None:
    """Of limit + 1 rows asked for; time names their column."""
    if len(rows) <= limit:
        return None
    return encode_cursor(rows[limit - 1][time].isoformat(), rows[limit - 1]["id"])
