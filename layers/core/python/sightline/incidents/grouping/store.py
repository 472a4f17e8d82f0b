"""SQL of incidents and their timelines. Every statement runs in the caller's transaction and workspace."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from sightline.database import Connection, Row
from sightline.incidents.grouping.schemas import UNTOLD
from sightline.incidents.schemas import Severity

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


def add_event(
    conn: Connection,
    incident: Mapping[str, Any],
    kind: str,
    actor: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    reason: str = "",
) -> int:
    """Writes it into the timeline; the incident's version after it."""
    row = conn.execute(
        "WITH told AS (UPDATE incident SET version = version + %(step)s, updated_at = now()"
        "  WHERE id = %(incident_id)s RETURNING version)"
        " INSERT INTO incident_event (workspace_id, incident_id, version, actor, kind, before, after, reason)"
        " SELECT %(workspace_id)s, %(incident_id)s, version, %(actor)s, %(kind)s, %(before)s, %(after)s,"
        " %(reason)s FROM told RETURNING version",
        {
            "step": 0 if kind in UNTOLD else 1,
            "workspace_id": incident["workspace_id"],
            "incident_id": incident["id"],
            "actor": actor,
            "kind": kind,
            "before": Jsonb(before),
            "after": Jsonb(after),
            "reason": reason,
        },
    ).fetchone()
    assert row is not None  # noqa: S101 - the incident exists
    return int(row["version"])


def events_of(
    conn: Connection,
    incident_id: UUID,
    *,
    after_version: int = -1,
    after_seq: int = 0,
    limit: int = 1000,
) -> list[Row]:
    """Oldest first."""
    return conn.execute(
        "SELECT * FROM incident_event WHERE incident_id = %s AND version > %s AND seq > %s"
        " ORDER BY seq LIMIT %s",
        (incident_id, after_version, after_seq, limit),
    ).fetchall()


def alerts_of(
    conn: Connection, incident_id: UUID, *, after: UUID | None = None, limit: int = 1000
) -> list[Row]:
    """Its alerts, oldest first."""
    return conn.execute(
        "SELECT * FROM alert WHERE incident_id = %(incident)s"
        " AND (%(after)s::uuid IS NULL OR id > %(after)s) ORDER BY id LIMIT %(limit)s",
        {"incident": incident_id, "after": after, "limit": limit},
    ).fetchall()


def facts(conn: Connection, incident_id: UUID) -> Row:
    """What its alerts say of it, all together."""
    row = conn.execute(_FACTS, {"incident": incident_id, "severities": list(get_args(Severity))}).fetchone()
    assert row is not None  # noqa: S101 - aggregates give one row
    return row


_FACTS = """
WITH member AS (
    SELECT *, array_position(%(severities)s::text[], severity) AS rank,
        muted_until IS NULL OR (status = 'firing' AND muted_until <= now()) AS loud
    FROM alert WHERE incident_id = %(incident)s)
SELECT count(*)::int AS alerts,
    count(*) FILTER (WHERE status = 'firing')::int AS firing,
    count(DISTINCT (source_id, external_id)) FILTER (WHERE loud)::int AS loud,
    (%(severities)s::text[])[min(rank) FILTER (WHERE loud)] AS loud_severity,
    max(last_occurred_at) FILTER (WHERE loud AND status = 'firing') AS loud_since,
    max(recovered_at) AS quiet_since,
    min(muted_until) FILTER (WHERE status = 'firing' AND muted_until > now()) AS muted_until,
    (%(severities)s::text[])[min(rank)] AS severity,
    (array_agg(title ORDER BY rank, occurred_at, title))[1] AS title,
    coalesce(array_agg(DISTINCT service ORDER BY service) FILTER (WHERE service IS NOT NULL), '{}')
        AS services,
    min(environment) AS environment,
    min(occurred_at) AS first_alert_at,
    max(last_occurred_at) AS last_alert_at
FROM member
"""


def move_alerts(conn: Connection, *, source: UUID, target: UUID) -> int:
    """All alerts of one incident into another; how many."""
    return conn.execute("UPDATE alert SET incident_id = %s WHERE incident_id = %s", (target, source)).rowcount


def members(conn: Connection, incident_id: UUID, alert_ids: Sequence[UUID]) -> list[Row]:
    """Those of the alerts that are in the incident."""
    return conn.execute(
        "SELECT * FROM alert WHERE incident_id = %s AND id = ANY(%s) ORDER BY id",
        (incident_id, list(alert_ids)),
    ).fetchall()


def take_alerts(conn: Connection, alert_ids: Sequence[UUID], *, target: UUID) -> None:
    """These alerts into another incident."""
    conn.execute("UPDATE alert SET incident_id = %s WHERE id = ANY(%s)", (target, list(alert_ids)))


def put_apart(conn: Connection, workspace_id: UUID, one: UUID, other: UUID) -> None:
    """No later alert brings the two together."""
    conn.execute(
        "INSERT INTO incident_apart (workspace_id, one, other) VALUES (%s, least(%s, %s), greatest(%s, %s))"
        " ON CONFLICT DO NOTHING",
        (workspace_id, one, other, one, other),
    )


def put_together(conn: Connection, one: UUID, other: UUID) -> None:
    """A person says that the two are one after all."""
    conn.execute(
        "DELETE FROM incident_apart WHERE one = least(%s, %s) AND other = greatest(%s, %s)",
        (one, other, one, other),
    )


def apart_from(conn: Connection, incident_id: UUID) -> set[UUID]:
    """Incidents that it must not be merged with."""
    rows = conn.execute(
        "SELECT other AS id FROM incident_apart WHERE one = %(id)s"
        " UNION SELECT one FROM incident_apart WHERE other = %(id)s",
        {"id": incident_id},
    ).fetchall()
    return {row["id"] for row in rows}


def parted(conn: Connection, incident_ids: Collection[UUID]) -> set[tuple[UUID, UUID]]:
    """Pairs of incidents that must not be merged, both ways round."""
    rows = conn.execute(
        "SELECT one, other FROM incident_apart WHERE one = ANY(%(ids)s) OR other = ANY(%(ids)s)",
        {"ids": list(incident_ids)},
    ).fetchall()
    pairs = {(row["one"], row["other"]) for row in rows}
    return pairs | {(other, one) for one, other in pairs}


def latest_note(conn: Connection, incident_id: UUID) -> Row | None:
    return conn.execute(
        "SELECT actor, reason FROM incident_event WHERE incident_id = %s AND kind = 'noted'"
        " ORDER BY seq DESC LIMIT 1",
        (incident_id,),
    ).fetchone()


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


def untold(conn: Connection, incident_ids: Sequence[UUID] | None = None) -> list[Row]:
    """Incidents whose last version nobody was told of, and the kinds of what happened; None: all."""
    return conn.execute(
        "SELECT id, version, (SELECT array_agg(DISTINCT event.kind ORDER BY event.kind)"
        "  FROM incident_event AS event WHERE event.incident_id = incident.id"
        "  AND event.version > incident.told_version AND event.kind <> ALL(%(untold)s)) AS kinds"
        " FROM incident WHERE told_version < version"
        " AND (%(ids)s::uuid[] IS NULL OR id = ANY(%(ids)s)) ORDER BY id",
        {
            "ids": None if incident_ids is None else list(incident_ids),
            "untold": sorted(UNTOLD),
        },
    ).fetchall()


def mark_told(conn: Connection, told: Sequence[Row]) -> None:
    """By the versions that were published; one that rose meanwhile is told of by whoever raised it."""
    conn.execute(
        "UPDATE incident SET told_version = greatest(told_version, said.version)"
        " FROM unnest(%s::uuid[], %s::int[]) AS said (id, version) WHERE incident.id = said.id",
        ([row["id"] for row in told], [row["version"] for row in told]),
    )


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
