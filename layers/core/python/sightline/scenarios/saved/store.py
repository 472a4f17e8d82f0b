"""SQL of recorded and saved searches."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql

from sightline.database import Connection, Row

_RECORDED = (
    "SELECT id, session_id, saved_search_id, text,"
    " coalesce(request, jsonb_build_object('text', text)) AS request, model_id, path, matching, moments,"
    " found, best, cached, embed_ms, sql_ms, total_ms, asked_by, created_at FROM search"
)
_SAVED = (
    "SELECT saved.*, runs.runs, runs.last_run_at, (SELECT count(*) FROM search_match AS match"
    "  WHERE match.saved_search_id = saved.id AND match.moments <> '[]') AS matches"
    " FROM saved_search AS saved CROSS JOIN LATERAL (SELECT count(*) AS runs, max(search.created_at)"
    "  AS last_run_at FROM search WHERE search.saved_search_id = saved.id) AS runs"
)


def recorded(conn: Connection, search_id: UUID) -> Row | None:
    return conn.execute(f"{_RECORDED} WHERE id = %s", (search_id,)).fetchone()


def results(conn: Connection, search_id: UUID) -> list[Row]:
    """The moments that a recorded search showed, best first."""
    return conn.execute(
        "SELECT shown.asset_id, asset.name AS asset_name, start_s, end_s, peak_s, score, relevance"
        " FROM search_shown AS shown JOIN asset ON asset.id = shown.asset_id AND asset.deleted_at IS NULL"
        " WHERE search_id = %s ORDER BY place",
        (search_id,),
    ).fetchall()


def recorded_page(conn: Connection, wanted: Mapping[str, Any]) -> list[Row]:
    """Newest first, those that meet every condition that is not null."""
    return conn.execute(
        f"{_RECORDED} WHERE (%(before)s::uuid IS NULL OR id < %(before)s)"
        " AND (%(text)s::text IS NULL OR position(lower(%(text)s) IN lower(text)) > 0)"
        " AND (%(found)s::boolean IS NULL OR coalesce(found, moments > 0) = %(found)s)"
        " AND (%(asked_by)s::text IS NULL OR asked_by = %(asked_by)s)"
        " AND (%(saved)s::uuid IS NULL OR saved_search_id = %(saved)s)"
        " AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)"
        " AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)"
        " ORDER BY id DESC LIMIT %(limit)s",
        wanted,
    ).fetchall()


def add_saved(conn: Connection, values: Mapping[str, Any]) -> UUID | None:
    """None when the name is taken."""
    row = conn.execute(
        "INSERT INTO saved_search (workspace_id, name, request, standing, bar, created_by) VALUES"
        " (%(workspace_id)s, %(name)s, %(request)s, %(standing)s, %(bar)s, %(created_by)s)"
        " ON CONFLICT (workspace_id, name) DO NOTHING RETURNING id",
        values,
    ).fetchone()
    return row["id"] if row else None


def count_saved(conn: Connection) -> tuple[int, int]:
    """All, and the standing ones; holds other creations back until this transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('saved_search ' || app.workspace(), 0))")
    row = conn.execute(
        "SELECT count(*) AS n, count(*) FILTER (WHERE standing) AS standing FROM saved_search"
    ).fetchone()
    return (int(row["n"]), int(row["standing"])) if row else (0, 0)


def saved(conn: Connection, saved_id: UUID) -> Row | None:
    return conn.execute(f"{_SAVED} WHERE saved.id = %s", (saved_id,)).fetchone()


def saved_page(
    conn: Connection, *, after: str | None, name: str | None, standing: bool | None, limit: int
) -> list[Row]:
    """In order of names."""
    return conn.execute(
        f"{_SAVED} WHERE (%(after)s::text IS NULL OR name > %(after)s)"
        " AND (%(name)s::text IS NULL OR name = %(name)s)"
        " AND (%(standing)s::boolean IS NULL OR standing = %(standing)s) ORDER BY name LIMIT %(limit)s",
        {"after": after, "name": name, "standing": standing, "limit": limit},
    ).fetchall()


def change_saved(conn: Connection, saved_id: UUID, change: Mapping[str, Any], *, anew: bool) -> None:
    """Replaces what is given. anew: it asks something else from now on, so it is another version."""
    sets: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in change
    ]
    if anew:
        sets.append(sql.SQL("version = version + 1"))
    update = sql.SQL("UPDATE saved_search SET {}, updated_at = now() WHERE id = %(id)s")
    conn.execute(update.format(sql.SQL(", ").join(sets)), {**change, "id": saved_id})


def lock_saved(conn: Connection, saved_id: UUID) -> Row | None:
    return conn.execute("SELECT * FROM saved_search WHERE id = %s FOR UPDATE", (saved_id,)).fetchone()


def delete_saved(conn: Connection, saved_id: UUID) -> bool:
    return conn.execute("DELETE FROM saved_search WHERE id = %s", (saved_id,)).rowcount == 1


def note_run(conn: Connection, *, search_id: UUID, saved_id: UUID) -> None:
    """Which saved search a recorded one was a run of; nothing where it could not be recorded."""
    conn.execute("UPDATE search SET saved_search_id = %s WHERE id = %s", (saved_id, search_id))


def put_label(
    conn: Connection, *, workspace_id: str, search: Row, asset_id: UUID, time_s: float, right: bool, by: str
) -> None:
    """Said again, it replaces what was said."""
    conn.execute(
        "INSERT INTO search_label (workspace_id, search_id, saved_search_id, asset_id, time_s, right_,"
        " labelled_by) SELECT %(workspace)s, %(search)s, %(saved)s, asset.id, %(time)s, %(right)s, %(by)s"
        " FROM asset WHERE asset.id = %(asset)s AND asset.deleted_at IS NULL"
        " ON CONFLICT (workspace_id, search_id, asset_id, time_s) DO UPDATE"
        " SET right_ = excluded.right_, labelled_by = excluded.labelled_by, labelled_at = now()",
        {
            "workspace": workspace_id,
            "search": search["id"],
            "saved": search["saved_search_id"],
            "asset": asset_id,
            "time": time_s,
            "right": right,
            "by": by,
        },
    )


def known_assets(conn: Connection, asset_ids: Sequence[UUID]) -> set[UUID]:
    rows = conn.execute(
        "SELECT id FROM asset WHERE id = ANY(%s) AND deleted_at IS NULL", (list(asset_ids),)
    ).fetchall()
    return {row["id"] for row in rows}


def labels_of(conn: Connection, search_id: UUID) -> Row:
    """How many were said right and wrong."""
    row = conn.execute(
        "SELECT count(*) AS labelled, count(*) FILTER (WHERE right_) AS right,"
        " count(*) FILTER (WHERE NOT right_) AS wrong FROM search_label WHERE search_id = %s",
        (search_id,),
    ).fetchone()
    assert row is not None  # noqa: S101 - aggregates give one row
    return row


def precision_runs(
    conn: Connection, saved_id: UUID, *, k: int, since: datetime | None, limit: int
) -> list[Row]:
    """The latest runs, oldest first; the latest label near a peak counts, whichever run it was given in."""
    return conn.execute(
        "SELECT * FROM (SELECT search.id AS search_id, search.created_at AS at, count(shown.place) AS shown,"
        "  count(label.right_) AS labelled, count(*) FILTER (WHERE label.right_) AS right"
        "  FROM search LEFT JOIN search_shown AS shown"
        "   ON shown.search_id = search.id AND shown.place <= %(k)s"
        "  LEFT JOIN LATERAL (SELECT said.right_ FROM search_label AS said"
        "   WHERE said.saved_search_id = %(saved)s AND said.asset_id = shown.asset_id"
        "   AND abs(said.time_s - shown.peak_s) <= %(near)s"
        "   ORDER BY said.labelled_at DESC, abs(said.time_s - shown.peak_s) LIMIT 1) AS label ON true"
        "  WHERE search.saved_search_id = %(saved)s"
        "  AND (%(since)s::timestamptz IS NULL OR search.created_at >= %(since)s)"
        "  GROUP BY search.id, search.created_at ORDER BY search.id DESC LIMIT %(limit)s) AS latest"
        " ORDER BY at, search_id",
        {"saved": saved_id, "k": k, "since": since, "limit": limit, "near": NEAR_S},
    ).fetchall()


# A moment's peak may lie elsewhere next time, by a frame or two: what was said of it holds all the same.
NEAR_S = 2.0
