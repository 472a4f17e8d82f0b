"""Reads single values as monitoring tools write them: times, tags, words; nothing here raises."""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

MAX_TEXT = 10_000
"""Characters kept of any one field; the whole payload is stored beside."""
MAX_TAGS = 100
LEAST_YEAR, LAST_YEAR = 2000, 2200
ZEROS = {"0001-01-01T00:00:00Z"}
"""Go's zero time: Alertmanager's way of saying that an alert has not ended."""


def text_of(value: Any, *, limit: int = MAX_TEXT) -> str | None:
    """A scalar as text without surrounding space; None for nothing, and for what is no scalar."""
    if value is None or isinstance(value, bool | list | dict):
        return None
    # What Postgres cannot store: a NUL, and half of a surrogate pair, which JSON may carry.
    text = str(value).replace("\x00", "").encode("utf-8", "replace").decode().strip()
    return text[:limit] or None


def time_of(value: Any) -> datetime | None:
    """ISO 8601, an e-mail's date (AWS Health), or a Unix time in s, ms, µs or ns, told apart by size."""
    text = text_of(value)
    if text is None or text in ZEROS:
        return None
    try:
        return _unix_time(float(text))
    except ValueError:
        return _iso_time(text)


def _unix_time(number: float) -> datetime | None:
    if not math.isfinite(number) or number <= 0:
        return None
    # A time in seconds has 10 digits until the year 2286.
    while number >= 1e11:
        number /= 1000
    return _plausible(datetime.fromtimestamp(number, UTC))


def _iso_time(text: str) -> datetime | None:
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        try:
            stamp = parsedate_to_datetime(text)
        except (ValueError, IndexError):
            return None
    return _plausible(stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC))


def _plausible(stamp: datetime) -> datetime | None:
    return stamp.astimezone(UTC) if LEAST_YEAR <= stamp.year < LAST_YEAR else None


def tags_of(value: Any) -> dict[str, str]:
    """Tags from a mapping, from `a:b, c=d`, from lists of either or of pairs; a bare word has no value."""
    tags: dict[str, str] = {}
    for name, content in _pairs(value):
        key, kept = text_of(name, limit=200), text_of(content, limit=1000)
        if key and len(tags) < MAX_TAGS:
            tags.setdefault(key, kept or "")
    return tags


def _pairs(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        if set(value) in ({"key", "value"}, {"name", "value"}):
            yield value.get("key", value.get("name")), value["value"]
            return
        yield from value.items()
    elif isinstance(value, str):
        for part in value.split(","):
            name, mark, content = _split(part)
            yield name, content if mark else None
    elif isinstance(value, list):
        for one in value:
            if isinstance(one, list) and len(one) == 2:
                yield one[0], one[1]
            else:
                yield from _pairs(one)


def _split(part: str) -> tuple[str, str, str]:
    """At the first colon or equals sign, whichever comes first."""
    places = [place for place in (part.find(":"), part.find("=")) if place > 0]
    if not places:
        return part, "", ""
    cut = min(places)
    return part[:cut], part[cut], part[cut + 1 :]
