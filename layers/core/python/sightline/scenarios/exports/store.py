"""SQL of exports as their owners and those who clean up see them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from sightline.database import Connection, Row

_SHOWN = (
    "SELECT job.*, (SELECT count(*) FROM export_moment WHERE export_id = job.id) AS moments,"
    " (SELECT count(*) FROM export_piece WHERE export_id = job.id AND problem IS NOT NULL) AS left_out"
    " FROM export_job AS job WHERE deleted_at IS NULL"
)


def add_export(conn: Connection, **values: Any) -> UUID:
    """A new export that nobody works on yet."""
    row = conn.execute(
        "INSERT INTO export_job (workspace_id, created_by, name, request)"
        " VALUES (%(workspace_id)s, %(created_by)s, %(name)s, %(request)s) RETURNING id",
        {**values, "request": Jsonb(values["request"])},
    ).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING gives the row
    return UUID(str(row["id"]))


def export(conn: Connection, export_id: UUID) -> Row | None:
    """An export that is not deleted, with its counts."""
    return conn.execute(f"{_SHOWN} AND id = %s", (export_id,)).fetchone()


def exports(conn: Connection, *, before: UUID | None, limit: int) -> list[Row]:
    """Newest first."""
    return conn.execute(
        f"{_SHOWN} AND (%(before)s::uuid IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s",
        {"before": before, "limit": limit},
    ).fetchall()


def any_export(conn: Connection, export_id: UUID) -> Row | None:
    """An export, deleted or not: for those who clean up."""
    return conn.execute("SELECT * FROM export_job WHERE id = %s", (export_id,)).fetchone()


def known_assets(conn: Connection, asset_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the videos that are indexed and not deleted."""
    rows = conn.execute(
        "SELECT id FROM asset WHERE id = ANY(%s) AND deleted_at IS NULL AND ready_run IS NOT NULL",
        (list(asset_ids),),
    ).fetchall()
    return {row["id"] for row in rows}


def is_recorded(conn: Connection, search_id: UUID) -> bool:
    """Whether a search of this workspace was asked before."""
    return conn.execute("SELECT 1 FROM search WHERE id = %s", (search_id,)).fetchone() is not None


_MOMENT = ("asset_id", "start_s", "end_s", "peak_s", "score", "relevance")


def add_moments(
    conn: Connection, *, workspace_id: UUID | str, export_id: UUID, moments: Sequence[Mapping[str, Any]]
) -> None:
    """What was picked, in its order; picked again by a retry, it is the same."""
    conn.execute("DELETE FROM export_moment WHERE export_id = %s", (export_id,))
    conn.execute(
        "INSERT INTO export_moment (workspace_id, export_id, rank, asset_id, start_s, end_s, peak_s, score,"
        " relevance) SELECT %s, %s, row_number() OVER (), picked.* FROM"
        " unnest(%s::uuid[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[]) AS picked",
        (workspace_id, export_id, *([moment[name] for moment in moments] for name in _MOMENT)),
    )


def add_whole_videos(
    conn: Connection, *, workspace_id: UUID | str, export_id: UUID, asset_ids: Sequence[UUID]
) -> None:
    """One moment per video, from its first frame to its last."""
    conn.execute(
        "INSERT INTO export_moment (workspace_id, export_id, rank, asset_id, start_s, end_s)"
        " SELECT %s, %s, row_number() OVER (ORDER BY wanted.place), asset.id, 0,"
        " coalesce(asset.duration_s, 0) + asset.interval_s"
        " FROM unnest(%s::uuid[]) WITH ORDINALITY AS wanted (id, place) JOIN asset USING (id)",
        (workspace_id, export_id, list(asset_ids)),
    )


def end(
    conn: Connection, export_id: UUID, *, status: str, code: str | None = None, reason: str | None = None
) -> Row | None:
    """Ends an export that is not finished; None when it had ended."""
    return conn.execute(
        "UPDATE export_job SET status = %s, failure_code = %s, failure_reason = %s, tail = '',"
        " finished_at = now(), heartbeat_at = now(), worker = NULL"
        " WHERE id = %s AND status IN ('queued', 'preparing', 'writing') AND deleted_at IS NULL RETURNING *",
        (status, code, reason, export_id),
    ).fetchone()


def forget_upload(conn: Connection, export_id: UUID) -> None:
    """Its parts are gone, and nobody will finish it."""
    conn.execute("UPDATE export_job SET upload_id = NULL WHERE id = %s", (export_id,))
    conn.execute("DELETE FROM export_part WHERE export_id = %s", (export_id,))


def next_attempt(conn: Connection, export_id: UUID, *, after: int) -> Row | None:
    """Begins another run of the machine; None when somebody else just did."""
    return conn.execute(
        "UPDATE export_job SET attempt = attempt + 1, heartbeat_at = now()"
        " WHERE id = %s AND attempt = %s AND status IN ('queued', 'preparing', 'writing') RETURNING *",
        (export_id, after),
    ).fetchone()


def expire(conn: Connection, export_id: UUID) -> Row | None:
    """Its time is over; the row stays to say so."""
    return conn.execute(
        "UPDATE export_job SET status = 'expired' WHERE id = %s AND status = 'ready' AND expires_at < now()"
        " RETURNING *",
        (export_id,),
    ).fetchone()


def mark_deleted(conn: Connection, export_id: UUID) -> Row | None:
    """Hides an export at once."""
    return conn.execute(
        "UPDATE export_job SET deleted_at = now(), worker = NULL"
        " WHERE id = %s AND deleted_at IS NULL RETURNING *",
        (export_id,),
    ).fetchone()


def remove(conn: Connection, export_id: UUID) -> None:
    """Removes a deleted export's rows."""
    conn.execute("DELETE FROM export_job WHERE id = %s AND deleted_at IS NOT NULL", (export_id,))


def showing(conn: Connection, asset_id: UUID) -> list[Row]:
    """Every export that shows a video or was to, deleted or not."""
    return conn.execute(
        "SELECT * FROM export_job WHERE id IN (SELECT export_id FROM export_moment WHERE asset_id = %s)",
        (asset_id,),
    ).fetchall()


def claim_unattended(conn: Connection, *, quiet_s: float, limit: int) -> list[tuple[UUID, UUID]]:
    """Workspaces and ids of exports to look after, each handed to one sweep."""
    rows = conn.execute("SELECT * FROM app.claim_exports(%s, %s)", (quiet_s, limit)).fetchall()
    return [(row["workspace_id"], row["export_id"]) for row in rows]
