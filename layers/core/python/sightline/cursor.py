"""Opaque list cursors: where the next page begins, encoded so that nobody builds on its insides."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sightline.errors import InvalidCursorError

MAX_CURSOR_CHARS = 2048


def encode_cursor(*position: Any) -> str:
    """Packs a position (JSON scalars) into a URL-safe string."""
    text = json.dumps(position, separators=(",", ":"), default=str)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, types: Sequence[type]) -> tuple[Any, ...]:
    """Unpacks a position of the given types. Raises: InvalidCursorError for anything we did not give."""
    if len(cursor) > MAX_CURSOR_CHARS:
        raise InvalidCursorError
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        position = json.loads(packed)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidCursorError from error
    if not isinstance(position, list) or len(position) != len(types):
        raise InvalidCursorError
    if any(type(value) is not kind for value, kind in zip(position, types, strict=True)):
        raise InvalidCursorError
    return tuple(position)


def id_in(cursor: str | None) -> UUID | None:
    """The id that a page of a list ordered by id alone ended with; None for the first page.

    Raises: InvalidCursorError.
    """
    if cursor is None:
        return None
    (text,) = decode_cursor(cursor, (str,))
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidCursorError from error


def next_page(rows: list[dict[str, Any]], limit: int, key: str) -> tuple[list[dict[str, Any]], str | None]:
    """Of limit + 1 rows asked for: the page, and the cursor of the next one if a row was left over."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], encode_cursor(rows[limit - 1][key])
