"""SQL of searches: which frames are searched, the ranking, and the record of what was asked."""

from typing import Any
from uuid import UUID

from pgvector import HalfVector
from psycopg import sql
from psycopg.types.json import Jsonb

from sightline.database import Connection, Row
from sightline.scenarios.schemas import Filters, FrameHit
from sightline.vectors.search import Plan, nearest
from sightline.vectors.spaces import Space

# Counting stops here: 50,000 sheets are about 3 million frames and 20 ms.
MAX_COUNTED_SHEETS = 50_000

_CONDITIONS = {
    "asset_ids": sql.SQL("asset.id = ANY(%(asset_ids)s)"),
    "tags": sql.SQL("asset.tags @> %(tags)s"),
    "metadata": sql.SQL("asset.metadata @> %(metadata)s"),
}
_ELIGIBLE = sql.SQL(
    "SELECT asset.id AS asset_id, asset.ready_run AS run FROM asset"
    " WHERE asset.ready_run IS NOT NULL AND asset.deleted_at IS NULL"
)
_FOUND = sql.SQL(
    "SELECT found.asset_id, asset.name AS asset_name, asset.interval_s, asset.duration_s, found.time_s,"
    "       -found.distance AS score, found.ranked, found.tile, sheet.object_key, sheet.columns,"
    "       sheet.tile_width, sheet.tile_height"
    " FROM found JOIN asset ON asset.id = found.asset_id"
    " JOIN media_sheet AS sheet ON sheet.workspace_id = app.workspace() AND sheet.asset_id = found.asset_id"
    "  AND sheet.run = found.run AND sheet.sheet_no = found.sheet_no"
    " ORDER BY found.distance, found.asset_id, found.time_s"
)


def eligible(filters: Filters) -> sql.Composed:
    """The videos (and their shown run) that meet the filters; values travel as parameters."""
    given = [condition for name, condition in _CONDITIONS.items() if getattr(filters, name) is not None]
    return sql.SQL(" AND ").join([_ELIGIBLE, *given])


def values_of(filters: Filters) -> dict[str, Any]:
    """The filters' parameters."""
    metadata = Jsonb(filters.metadata) if filters.metadata is not None else None
    return {"asset_ids": filters.asset_ids, "tags": filters.tags, "metadata": metadata}


def count_matching(conn: Connection, filters: Filters) -> int:
    """How many frames the filters leave, counted a sheet (about 60 frames) at a time."""
    row = conn.execute(
        sql.SQL(
            "SELECT coalesce(sum(tiles), 0)::bigint AS frames"
            " FROM (SELECT sheet.tiles FROM media_sheet AS sheet"
            " JOIN ({eligible}) AS eligible USING (asset_id, run) LIMIT %(most)s) AS counted"
        ).format(eligible=eligible(filters)),
        {**values_of(filters), "most": MAX_COUNTED_SHEETS},
    ).fetchone()
    return int(row["frames"]) if row else 0


def find_frames(
    conn: Connection, *, space: Space, query: HalfVector, typical_score: float, filters: Filters, plan: Plan
) -> tuple[Plan, list[FrameHit]]:
    """The best frames and those beside them, with their video and contact sheet, best first."""
    return nearest(
        conn,
        space=space,
        query=query,
        typical_score=typical_score,
        eligible=eligible(filters),
        select=_FOUND,
        values=values_of(filters),
        plan=plan,
        into=FrameHit,
    )


def new_search_id(conn: Connection) -> UUID:
    """An id in order of time."""
    row = conn.execute("SELECT app.uuid7() AS id").fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    return UUID(str(row["id"]))


def recorded_query(conn: Connection, search_id: UUID) -> Row | None:
    """What an earlier search of this workspace was ranked by."""
    return conn.execute(
        "SELECT model_id, revision, query_vector FROM search WHERE id = %s", (search_id,)
    ).fetchone()


def record_search(conn: Connection, search: Row) -> None:
    """Keeps what was asked and how it went."""
    names = list(search)
    conn.execute(
        sql.SQL("INSERT INTO search ({}) VALUES ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(", ").join(map(sql.Placeholder, names))
        ),
        search,
    )
