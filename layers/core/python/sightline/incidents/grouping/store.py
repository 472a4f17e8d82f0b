"""SQL of incidents. Every statement runs in the caller's transaction and workspace."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql

from sightline.database import Connection, Row

LIKE = 0.3
"""Similarity from which an earlier incident is like another: less is what any two have in common."""
SHOWN = ["open", "investigating", "resolved"]
"""What a list shows that asks for no status."""
MEAN_OF = 64
"""Alerts whose vectors stand for an incident."""


def lock_grouping(conn: Connection) -> None:
    """Holds back who else decides which of the workspace's alerts belong together.

    Taken after the names of alerts and before any row of an alert or incident: nobody waits in a ring.
    """
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(app.workspace()::text, hashtext('group')))")


def incident(conn: Connection, incident_id: UUID, lock: bool = False) -> Row | None:
    query = "SELECT * FROM incident WHERE id = %s"
    return conn.execute(query + " FOR UPDATE" if lock else query, (incident_id,)).fetchone()


def incidents(conn: Connection, *, before: UUID | None, limit: int, where: Mapping[str, Any]) -> list[Row]:
    """Newest first; those that nobody is told of, and those that went into others, only when asked for."""
    return conn.execute(
        "SELECT * FROM incident WHERE (%(before)s::uuid IS NULL OR id < %(before)s)"
        " AND (%(number)s::bigint IS NOT NULL AND %(status)s::text IS NULL OR status = ANY(%(statuses)s))"
        " AND (%(number)s::bigint IS NULL OR number = %(number)s)"
        " AND (%(severity)s::text IS NULL OR severity = %(severity)s)"
        " AND (%(service)s::text IS NULL OR %(service)s = ANY(services)) ORDER BY id DESC LIMIT %(limit)s",
        {
            **where,
            "before": before,
            "statuses": SHOWN if where["status"] is None else [where["status"]],
            "limit": limit,
        },
    ).fetchall()


def add_incident(conn: Connection, *, workspace_id: UUID, alert: Row) -> Row:
    """Of one alert; only under the lock of lock_grouping, for its number."""
    row = conn.execute(
        "INSERT INTO incident (workspace_id, number, title, severity, environment, first_alert_at,"
        " last_alert_at) SELECT %(workspace_id)s, coalesce(max(number), 0) + 1, %(title)s, %(severity)s,"
        " %(environment)s, %(occurred_at)s, %(last_occurred_at)s FROM incident RETURNING *",
        {**alert, "workspace_id": workspace_id},
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of one inserted row
    return row


def set_incident(conn: Connection, incident_id: UUID, **values: Any) -> None:
    """Changes columns."""
    sets = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values
    )
    conn.execute(
        sql.SQL("UPDATE incident SET {}, updated_at = now() WHERE id = %(incident_id)s").format(sets),
        {**values, "incident_id": incident_id},
    )


def touch(conn: Connection, incident_id: UUID, at: datetime) -> None:
    """One of its alerts was heard again."""
    conn.execute(
        "UPDATE incident SET first_alert_at = least(first_alert_at, %(at)s),"
        " last_alert_at = greatest(last_alert_at, %(at)s) WHERE id = %(id)s"
        " AND %(at)s NOT BETWEEN first_alert_at AND last_alert_at",
        {"id": incident_id, "at": at},
    )


def mean_vector(conn: Connection, incident_id: UUID) -> Any:
    """Of its first alerts; None where no model saw any."""
    row = conn.execute(
        "SELECT avg(vector) AS mean FROM (SELECT vector FROM alert WHERE incident_id = %s"
        " AND vector IS NOT NULL ORDER BY id LIMIT %s) AS first",
        (incident_id, MEAN_OF),
    ).fetchone()
    return row["mean"] if row else None


def locked(conn: Connection, incident_ids: Sequence[UUID]) -> list[Row]:
    """These incidents, by id, for change."""
    return conn.execute(
        "SELECT * FROM incident WHERE id = ANY(%s) ORDER BY id FOR UPDATE", (list(incident_ids),)
    ).fetchall()


def similar(conn: Connection, incident: Row, *, limit: int) -> list[Row]:
    """Resolved ones that are like it at all: by what their alerts said, or by the services in them where no
    model saw that."""
    return conn.execute(
        _SIMILAR,
        {
            "id": incident["id"],
            "services": incident["services"],
            "vector": mean_vector(conn, incident["id"]),
            "limit": limit,
            "least": LIKE,
        },
    ).fetchall()


_SIMILAR = """
SELECT * FROM (SELECT past.id, number, title, severity, services, opened_at, resolved_at, resolved_by,
    round(coalesce(1 - (past.vector <=> %(vector)s::halfvec(384)), (
        SELECT count(*) FILTER (WHERE mine AND theirs)::float8 / count(*) FROM (
            SELECT name = ANY(%(services)s) AS mine, name = ANY(past.services) AS theirs
            FROM unnest(past.services || %(services)s::text[]) AS name GROUP BY name) AS named), 0)::numeric,
        3)::float8 AS similarity,
    coalesce(resolution, (SELECT reason FROM incident_event AS event
        WHERE event.incident_id = past.id AND kind = 'noted' ORDER BY seq DESC LIMIT 1)) AS resolution
FROM incident AS past WHERE past.status = 'resolved' AND past.opened_at IS NOT NULL AND past.id <> %(id)s
) AS known WHERE similarity >= %(least)s ORDER BY similarity DESC, id DESC LIMIT %(limit)s
"""


def claim(conn: Connection, *, quiet_s: float, limit: int) -> list[tuple[UUID, UUID]]:
    """Incidents of any workspace that time alone changed or that nobody was told of."""
    rows = conn.execute("SELECT * FROM app.claim_incidents(%s, %s)", (quiet_s, limit)).fetchall()
    return [(row["workspace_id"], row["incident_id"]) for row in rows]
