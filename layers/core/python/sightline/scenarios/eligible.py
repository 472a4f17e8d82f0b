"""Filters as SQL: which videos are searched, and which of their frames. Values travel as parameters."""

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from sightline.database import Connection
from sightline.errors import ValidationError
from sightline.scenarios.filters import Condition, Filters

# Counting stops at so many videos, or sheets where frames are looked at: 10,000 videos take 3 ms.
MAX_COUNTED = 50_000
ALWAYS = sql.SQL("true")

Part = tuple[sql.Composable, dict[str, Any]]

_ELIGIBLE = (
    "SELECT asset.id AS asset_id, asset.ready_run AS run, asset.captured_at,"
    " CASE WHEN asset.run = asset.ready_run THEN asset.frames_total END AS frames FROM asset"
    " WHERE asset.ready_run IS NOT NULL AND asset.deleted_at IS NULL"
)
_PLAIN = {
    "asset_ids": "asset.id = ANY(%(asset_ids)s)",
    "tags": "asset.tags @> %(tags)s",
    "any_tags": "asset.tags && %(any_tags)s",
    "no_tags": "NOT asset.tags && %(no_tags)s",
}
_COMPARED = {"gte": ">=", "gt": ">", "lte": "<=", "lt": "<"}
_CLOCK = "((eligible.captured_at + make_interval(secs => point.time_s)) AT TIME ZONE %(zone)s)::time"


def eligible(filters: Filters) -> sql.Composed:
    """The videos (with their shown run, and when they were captured) that meet the filters."""
    return sql.SQL(" AND ").join([sql.SQL(_ELIGIBLE), *(condition for condition, _ in _videos(filters))])


def shown(filters: Filters) -> sql.Composed:
    """The condition on a `point` of an `eligible` video."""
    return sql.SQL(" AND ").join([ALWAYS, *(condition for condition, _ in _frames(filters))])


def values_of(filters: Filters) -> dict[str, Any]:
    """The parameters of both."""
    return {
        name: value for _, values in (*_videos(filters), *_frames(filters)) for name, value in values.items()
    }


def _videos(filters: Filters) -> Iterator[Part]:
    for name, condition in _PLAIN.items():
        if (value := getattr(filters, name)) is not None:
            yield sql.SQL(condition), {name: value}
    equal = {k: v for k, v in (filters.metadata or {}).items() if not isinstance(v, Condition)}
    if equal:
        yield sql.SQL("asset.metadata @> %(equal)s"), {"equal": Jsonb(equal)}
    for number, (key, wanted) in enumerate((filters.metadata or {}).items()):
        if isinstance(wanted, Condition):
            yield from _metadata(f"meta{number}", key, wanted)
    if filters.by_time:
        yield sql.SQL("asset.captured_at IS NOT NULL"), {}
    # What begins after the range, or ended before it, need not be looked at frame by frame.
    if filters.captured and filters.captured.to:
        yield sql.SQL("asset.captured_at < %(captured_to)s"), {"captured_to": filters.captured.to}
    if filters.captured and filters.captured.from_:
        ended = (
            "asset.captured_at + make_interval(secs => coalesce(asset.duration_s, 0)) >= %(captured_from)s"
        )
        yield sql.SQL(ended), {"captured_from": filters.captured.from_}


def _metadata(name: str, key: str, condition: Condition) -> Iterator[Part]:
    """Numbers are compared with numbers and texts with texts; anything else does not meet the condition."""
    given = {f"{name}_key": key}
    value = sql.SQL("(asset.metadata -> {})").format(sql.Placeholder(f"{name}_key"))
    if condition.exists is not None:
        there = sql.SQL("(asset.metadata ? {}) = {}")
        yield (
            there.format(sql.Placeholder(f"{name}_key"), sql.Placeholder(f"{name}_exists")),
            given | {f"{name}_exists": condition.exists},
        )
    if condition.in_ is not None:
        yield (
            sql.SQL("{} = ANY({}::jsonb[])").format(value, sql.Placeholder(f"{name}_in")),
            given | {f"{name}_in": [Jsonb(one) for one in condition.in_]},
        )
    for part, operator in _COMPARED.items():
        if (bound := getattr(condition, part)) is not None:
            yield _compared(value, operator, bound, f"{name}_{part}", given)


def _compared(value: sql.Composable, operator: str, bound: Any, name: str, given: dict[str, Any]) -> Part:
    # CASE, because only it promises that a text is never read as a number.
    kind, cast = ("string", 'text COLLATE "C"') if isinstance(bound, str) else ("number", "numeric")
    condition = sql.SQL(
        "CASE jsonb_typeof({value}) WHEN {kind} THEN ({value} #>> '{{}}')::{cast} {operator} {bound}::{cast}"
        " ELSE false END"
    ).format(
        value=value,
        kind=sql.Literal(kind),
        cast=sql.SQL(cast),
        operator=sql.SQL(operator),
        bound=sql.Placeholder(name),
    )
    return condition, given | {name: bound}


def _frames(filters: Filters) -> Iterator[Part]:
    at = "eligible.captured_at + make_interval(secs => point.time_s)"
    if filters.captured and filters.captured.from_:
        yield sql.SQL(f"{at} >= %(captured_from)s"), {"captured_from": filters.captured.from_}
    if filters.captured and filters.captured.to:
        yield sql.SQL(f"{at} < %(captured_to)s"), {"captured_to": filters.captured.to}
    if clock := filters.time_of_day:
        both = "AND" if clock.from_ < clock.to else "OR"  # over midnight, either side will do
        yield (
            sql.SQL(f"({_CLOCK} >= %(clock_from)s {both} {_CLOCK} < %(clock_to)s)"),
            {"clock_from": clock.from_, "clock_to": clock.to, "zone": clock.zone},
        )


# A video that is being indexed anew counts that run's frames: of the run that is shown its sheets know.
_COUNTED = sql.SQL(
    "SELECT coalesce(sum(coalesce(eligible.frames, (SELECT sum(sheet.tiles) FROM media_sheet AS sheet"
    "  WHERE sheet.asset_id = eligible.asset_id AND sheet.run = eligible.run), 0)), 0)::bigint AS frames"
    " FROM (SELECT * FROM ({eligible}) AS every LIMIT %(most)s) AS eligible"
)
_COUNTED_BY_TIME = sql.SQL(
    "SELECT count(*) AS frames FROM ("
    " SELECT sheet.times_s, eligible.captured_at FROM media_sheet AS sheet"
    " JOIN ({eligible}) AS eligible USING (asset_id, run) LIMIT %(most)s) AS eligible"
    " CROSS JOIN LATERAL unnest(eligible.times_s) AS point (time_s) WHERE {shown}"
)


def count_matching(conn: Connection, filters: Filters) -> int:
    """How many frames the filters leave; without times, counted a video at a time.

    Raises: ValidationError for a time zone that Postgres does not know.
    """
    statement = _COUNTED_BY_TIME if filters.by_time else _COUNTED
    try:
        if filters.time_of_day:
            conn.execute("SELECT now() AT TIME ZONE %s", (filters.time_of_day.zone,))
        row = conn.execute(
            statement.format(eligible=eligible(filters), shown=shown(filters)),
            {**values_of(filters), "most": MAX_COUNTED},
        ).fetchone()
    except psycopg.errors.InvalidParameterValue as error:
        field = {"field": "body.filters.time_of_day.zone", "message": "Not a time zone that is known."}
        raise ValidationError("See errors for the fields.", errors=[field]) from error
    return int(row["frames"]) if row else 0
