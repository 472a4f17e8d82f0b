"""SQL of searches: the ranking, the vectors of own frames, and the record of what was asked."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import sql
from psycopg.adapt import PyFormat
from psycopg.types.json import Jsonb

from sightline.database import Connection, Row
from sightline.scenarios.composed import Direction
from sightline.scenarios.eligible import count_matching, eligible, shown, values_of
from sightline.scenarios.filters import Filters
from sightline.scenarios.schemas import FrameHit
from sightline.scenarios.words import Lexical
from sightline.vectors.search import Plan, Target, nearest, vector_type
from sightline.vectors.spaces import Space

__all__ = [
    "count_matching",
    "find_frames",
    "record_search",
    "recorded_search",
    "stretch_vector",
    "target_of",
]

HIT = sql.SQL(
    "{found}.asset_id, asset.name AS asset_name, asset.interval_s, asset.duration_s, {found}.time_s,"
    " -{found}.distance AS score, {found}.tile, sheet.object_key, sheet.columns, sheet.tile_width,"
    " sheet.tile_height, extract(epoch FROM asset.captured_at)::float8 AS captured_at"
)
WHERE_SHOWN = sql.SQL(
    "JOIN asset ON asset.id = {found}.asset_id"
    " JOIN media_sheet AS sheet ON sheet.workspace_id = app.workspace() AND sheet.asset_id = {found}.asset_id"
    "  AND sheet.run = {found}.run AND sheet.sheet_no = {found}.sheet_no"
)
_FOUND = sql.SQL(
    'SELECT {hit}, found.ranked, found."order"::float8 FROM found {joins}'
    ' ORDER BY found."order" DESC, found.asset_id, found.time_s'
).format(hit=HIT.format(found=sql.SQL("found")), joins=WHERE_SHOWN.format(found=sql.SQL("found")))


def target_of(
    step: Direction, *, space: Space, typical_score: float, filters: Filters, words: Lexical | None = None
) -> Target:
    """A step's direction with the filters around it."""
    without = [
        sql.SQL("-(point.embedding <#> {}::{}) < {}").format(
            sql.Placeholder(f"not{number}", format=PyFormat.BINARY),
            vector_type(space),
            sql.Placeholder(f"bar{number}"),
        )
        for number in range(len(step.without))
    ]
    values: dict[str, Any] = values_of(filters) | (words.values if words else {})
    for number, barred in enumerate(step.without):
        values |= {f"not{number}": barred.vector, f"bar{number}": barred.bar}
    return Target(
        query=step.vector,
        typical_score=typical_score,
        eligible=eligible(filters),
        where=sql.SQL(" AND ").join([shown(filters), *without]),
        values=values,
        lexical=words.select if words else None,
    )


def find_frames(conn: Connection, *, space: Space, target: Target, plan: Plan) -> tuple[Plan, list[FrameHit]]:
    """The best frames and those beside them, with their video and contact sheet, best first."""
    return nearest(conn, space=space, target=target, select=_FOUND, plan=plan, into=FrameHit)


def stretch_vector(
    conn: Connection, *, space: Space, asset_id: UUID, start_s: float, end_s: float
) -> NDArray[np.float32] | None:
    """The mean of a stretch's frames, or the frame nearest to it; None for a video that is not here.

    Shapes: (dim,).
    """
    rows = conn.execute(
        sql.SQL(
            "SELECT point.embedding FROM {table} AS point JOIN asset ON asset.id = point.asset_id"
            "  AND asset.ready_run = point.run AND asset.deleted_at IS NULL"
            " WHERE point.workspace_id = app.workspace() AND point.asset_id = %(asset_id)s"
            " ORDER BY greatest(%(start_s)s - point.time_s, point.time_s - %(end_s)s, 0), point.time_s"
            " LIMIT greatest(1, least(1000, (SELECT count(*) FROM {table} AS point JOIN asset"
            "   ON asset.id = point.asset_id AND asset.ready_run = point.run"
            "   WHERE point.workspace_id = app.workspace() AND point.asset_id = %(asset_id)s"
            "   AND point.time_s BETWEEN %(start_s)s AND %(end_s)s)))"
        ).format(table=space.table),
        {"asset_id": asset_id, "start_s": start_s, "end_s": end_s},
        binary=True,
    ).fetchall()
    if not rows:
        return None
    frames = np.stack([row["embedding"].to_numpy() for row in rows])
    return np.asarray(frames.astype(np.float32).mean(axis=0), np.float32)


def recorded_search(conn: Connection, search_id: UUID) -> Row | None:
    """What an earlier search of this workspace asked, and what it was ranked by."""
    return conn.execute(
        "SELECT id, session_id, request, composed, created_at FROM search"
        " WHERE id = %s AND composed IS NOT NULL AND request IS NOT NULL",
        (search_id,),
    ).fetchone()


def record_search(conn: Connection, search: Row, moments: Sequence[Row]) -> None:
    """Keeps what was asked, how it went, and what the first page showed of videos that are still there."""
    names = list(search)
    conn.execute(
        sql.SQL("INSERT INTO search ({}) VALUES ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(", ").join(map(sql.Placeholder, names))
        ),
        search,
    )
    conn.execute(
        "INSERT INTO search_shown (workspace_id, search_id, place, asset_id, start_s, end_s, peak_s, score,"
        "  relevance) SELECT %(workspace)s, %(search)s, one.* FROM jsonb_to_recordset(%(moments)s) AS one"
        "  (place integer, asset_id uuid, start_s float8, end_s float8, peak_s float8, score float8,"
        "  relevance float8)"
        " JOIN asset ON asset.id = one.asset_id",
        {"workspace": search["workspace_id"], "search": search["id"], "moments": Jsonb(moments)},
    )
