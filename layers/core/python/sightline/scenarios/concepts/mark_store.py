"""SQL of marks: which frames are meant, and their vectors."""

from collections.abc import Sequence
from uuid import UUID

from psycopg import sql

from sightline.database import Connection, Row
from sightline.scenarios.concepts.schemas import ExportedMark, FrameMark

# A mark further than this from every indexed frame names none of them.
MAX_MARK_GAP_S = 2.0


def nearest_frames(conn: Connection, marks: Sequence[FrameMark]) -> list[float | None]:
    """For each mark the time of the indexed frame it means; None where there is none."""
    rows = conn.execute(
        "SELECT (SELECT frame.time_s FROM asset"
        "  JOIN media_sheet AS sheet ON sheet.asset_id = asset.id AND sheet.run = asset.ready_run,"
        "  unnest(sheet.times_s) AS frame (time_s)"
        "  WHERE asset.id = mark.asset_id AND asset.deleted_at IS NULL"
        "  AND abs(frame.time_s - mark.time_s) <= greatest(%s, asset.interval_s)"
        "  ORDER BY abs(frame.time_s - mark.time_s) LIMIT 1) AS time_s"
        " FROM unnest(%s::uuid[], %s::float8[]) WITH ORDINALITY AS mark (asset_id, time_s, place)"
        " ORDER BY mark.place",
        (MAX_MARK_GAP_S, [mark.asset_id for mark in marks], [mark.time_s for mark in marks]),
    ).fetchall()
    return [row["time_s"] for row in rows]


def tagged_frames(conn: Connection, *, tag: str, frames: int) -> list[Row]:
    """So many frames of the videos with a tag, spread evenly by a hash: the same ones each time."""
    return conn.execute(
        "SELECT asset.id AS asset_id, frame.time_s FROM asset"
        " JOIN media_sheet AS sheet ON sheet.asset_id = asset.id AND sheet.run = asset.ready_run,"
        " unnest(sheet.times_s) AS frame (time_s)"
        " WHERE asset.tags @> ARRAY[%s] AND asset.deleted_at IS NULL"
        " ORDER BY hashtextextended(asset.id::text || frame.time_s::text, 0) LIMIT %s",
        (tag, frames),
    ).fetchall()


def put_marks(
    conn: Connection,
    *,
    workspace_id: str,
    concept_id: UUID,
    by: str,
    yes: bool,
    frames: Sequence[tuple[UUID, float]],
) -> None:
    """Adds marks; one of the same frame is replaced."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO concept_mark (workspace_id, concept_id, asset_id, time_s, yes, created_by)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (workspace_id, concept_id, asset_id, time_s)"
            " DO UPDATE SET yes = excluded.yes, created_by = excluded.created_by, created_at = now()",
            [(workspace_id, concept_id, asset_id, time_s, yes, by) for asset_id, time_s in frames],
        )
    conn.execute("UPDATE concept SET updated_at = now() WHERE id = %s", (concept_id,))


def remove_marks(conn: Connection, concept_id: UUID, frames: Sequence[tuple[UUID, float]]) -> None:
    with conn.cursor() as cursor:
        cursor.executemany(
            "DELETE FROM concept_mark WHERE concept_id = %s AND asset_id = %s AND time_s = %s",
            [(concept_id, asset_id, time_s) for asset_id, time_s in frames],
        )


def count_marks(conn: Connection, concept_id: UUID) -> int:
    row = conn.execute(
        "SELECT count(*) AS n FROM concept_mark WHERE concept_id = %s", (concept_id,)
    ).fetchone()
    return int(row["n"]) if row else 0


def marks(conn: Connection, concept_id: UUID, *, after: tuple[str, float] | None, limit: int) -> list[Row]:
    """In order of videos and times."""
    asset_id, time_s = after or (None, None)
    return conn.execute(
        "SELECT mark.asset_id, asset.name AS asset_name, mark.time_s, mark.yes FROM concept_mark AS mark"
        " JOIN asset ON asset.id = mark.asset_id AND asset.deleted_at IS NULL"
        " WHERE mark.concept_id = %(concept)s"
        " AND (%(asset)s::uuid IS NULL OR (mark.asset_id, mark.time_s) > (%(asset)s, %(time)s))"
        " ORDER BY mark.asset_id, mark.time_s LIMIT %(limit)s",
        {"concept": concept_id, "asset": asset_id, "time": time_s, "limit": limit},
    ).fetchall()


def import_marks(
    conn: Connection, *, workspace_id: str, concept_id: UUID, by: str, marks: Sequence[ExportedMark]
) -> int:
    """Those whose videos are in this workspace; answers how many."""
    return conn.execute(
        "INSERT INTO concept_mark (workspace_id, concept_id, asset_id, time_s, yes, created_by)"
        " SELECT %s, %s, mark.asset_id, mark.time_s, mark.yes, %s"
        " FROM unnest(%s::uuid[], %s::float8[], %s::boolean[]) AS mark (asset_id, time_s, yes)"
        " JOIN asset ON asset.id = mark.asset_id AND asset.deleted_at IS NULL ON CONFLICT DO NOTHING",
        (
            workspace_id, concept_id, by,
            [mark.asset_id for mark in marks], [mark.time_s for mark in marks], [mark.yes for mark in marks],
        ),
    ).rowcount  # fmt: skip


def marked_points(conn: Connection, *, table: sql.Identifier, concept_id: UUID) -> list[Row]:
    """Each mark with the vector of the frame it means."""
    return conn.execute(
        sql.SQL(
            "SELECT mark.asset_id, mark.time_s, mark.yes, point.embedding FROM concept_mark AS mark"
            " JOIN asset ON asset.id = mark.asset_id AND asset.deleted_at IS NULL"
            " CROSS JOIN LATERAL (SELECT embedding FROM {table} AS point"
            "  WHERE point.workspace_id = app.workspace() AND point.asset_id = mark.asset_id"
            "  AND point.run = asset.ready_run"
            "  AND abs(point.time_s - mark.time_s) <= greatest(%(gap)s, asset.interval_s)"
            "  ORDER BY abs(point.time_s - mark.time_s) LIMIT 1) AS point"
            " WHERE mark.concept_id = %(concept)s ORDER BY mark.asset_id, mark.time_s"
        ).format(table=table),
        {"gap": MAX_MARK_GAP_S, "concept": concept_id},
    ).fetchall()


def background_points(conn: Connection, *, table: sql.Identifier, size: int) -> list[Row]:
    """A uniform sample of the workspace's frames: the first by hash, so always the same ones."""
    return conn.execute(
        sql.SQL(
            "SELECT point.asset_id, point.time_s, point.embedding FROM {table} AS point"
            " JOIN asset ON asset.id = point.asset_id AND asset.ready_run = point.run"
            "  AND asset.deleted_at IS NULL"
            " WHERE point.workspace_id = app.workspace()"
            " ORDER BY uuid_hash_extended(point.asset_id, (point.sheet_no::bigint << 16) + point.tile)"
            " LIMIT %s"
        ).format(table=table),
        (size,),
    ).fetchall()
