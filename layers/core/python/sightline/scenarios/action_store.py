"""SQL of jobs that act on all results of a search."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import sql

from sightline.database import Connection, Row
from sightline.scenarios.eligible import eligible, values_of
from sightline.scenarios.filters import Filters

MAX_TAGS = 50
"""Of one video: what POST /v1/assets takes."""


def add(conn: Connection, **values: Any) -> Row:
    """A job that waits."""
    row = conn.execute(
        "INSERT INTO search_action (workspace_id, search_id, asked_by, action, tags, min_relevance, most)"
        " VALUES (%(workspace_id)s, %(search_id)s, %(asked_by)s, %(action)s, %(tags)s, %(min_relevance)s,"
        " %(most)s) RETURNING *",
        values,
    ).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING gives the row
    return row


def action(conn: Connection, action_id: UUID) -> Row | None:
    """One job."""
    return conn.execute("SELECT * FROM search_action WHERE id = %s", (action_id,)).fetchone()


def lock(conn: Connection, action_id: UUID) -> Row | None:
    """One job, held until the transaction ends: of two workers one goes first."""
    return conn.execute("SELECT * FROM search_action WHERE id = %s FOR UPDATE", (action_id,)).fetchone()


def start(conn: Connection, action_id: UUID) -> Row | None:
    """Takes up a job that has not ended."""
    return conn.execute(
        "UPDATE search_action SET status = 'running', updated_at = now()"
        " WHERE id = %s AND status IN ('queued', 'running') RETURNING *",
        (action_id,),
    ).fetchone()


def hand_over_again(conn: Connection, action_id: UUID, *, after_s: float) -> bool:
    """Whether nobody took up a job for so long that its message may be lost; said once in that time."""
    told = conn.execute(
        "UPDATE search_action SET updated_at = now() WHERE id = %s AND status = 'queued'"
        " AND updated_at < now() - make_interval(secs => %s)",
        (action_id, after_s),
    )
    return told.rowcount == 1


def note(
    conn: Connection, action_id: UUID, asset_id: UUID, *, moments: int, changed: bool, fraction: float
) -> Row:
    """One more video is done with."""
    row = conn.execute(
        "UPDATE search_action SET after_asset = %s, moments = moments + %s, videos = videos + 1,"
        " changed = changed + %s, fraction = %s, updated_at = now() WHERE id = %s RETURNING *",
        (asset_id, moments, int(changed), fraction, action_id),
    ).fetchone()
    assert row is not None  # noqa: S101 - the caller holds its lock
    return row


def end(conn: Connection, action_id: UUID, *, status: str, failure: str | None = None) -> Row | None:
    """Ends a job; None when it had ended."""
    return conn.execute(
        "UPDATE search_action SET status = %(status)s, failure = %(failure)s, updated_at = now(),"
        " fraction = CASE WHEN %(status)s = 'done' THEN 1 ELSE fraction END"
        " WHERE id = %(id)s AND status IN ('queued', 'running') RETURNING *",
        {"id": action_id, "status": status, "failure": failure},
    ).fetchone()


def hide(conn: Connection, asset_id: UUID) -> Row | None:
    """Deletes a video for everybody to see; None when it was gone."""
    return conn.execute(
        "UPDATE asset SET deleted_at = now(), updated_at = now()"
        " WHERE id = %s AND deleted_at IS NULL RETURNING id",
        (asset_id,),
    ).fetchone()


def retag(conn: Connection, asset_id: UUID, *, tags: Sequence[str], add: bool) -> bool:
    """Adds tags or takes them away; False when that changes nothing, or would be too many."""
    done = conn.execute(
        "UPDATE asset SET tags = changed.tags, updated_at = now() FROM ("
        "  SELECT CASE WHEN %(add)s THEN asset.tags || ARRAY("
        "      SELECT new.tag FROM unnest(%(tags)s::text[]) WITH ORDINALITY AS new (tag, place)"
        "      WHERE new.tag <> ALL (asset.tags) ORDER BY new.place)"
        "    ELSE ARRAY(SELECT had.tag FROM unnest(asset.tags) WITH ORDINALITY AS had (tag, place)"
        "      WHERE had.tag <> ALL (%(tags)s::text[]) ORDER BY had.place) END AS tags"
        "  FROM asset WHERE asset.id = %(id)s AND asset.deleted_at IS NULL FOR UPDATE) AS changed"
        " WHERE asset.id = %(id)s AND asset.tags <> changed.tags AND cardinality(changed.tags) <= %(most)s",
        {"id": asset_id, "tags": list(tags), "add": add, "most": MAX_TAGS},
    )
    return bool(done.rowcount)


def share_up_to(conn: Connection, filters: Filters, asset_id: UUID) -> float:
    """Share of the videos searched that come up to this one, in order of id; below 1 until the end."""
    row = conn.execute(
        sql.SQL(
            "SELECT count(*) FILTER (WHERE asset_id <= %(up_to)s) AS done, count(*) AS videos"
            " FROM ({}) AS eligible"
        ).format(eligible(filters)),
        {**values_of(filters), "up_to": asset_id},
    ).fetchone()
    return min(0.99, row["done"] / row["videos"]) if row and row["videos"] else 0.99
