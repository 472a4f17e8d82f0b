"""SQL of which alerts are in an incident, and which incidents are never to be one. As store.py."""

from collections.abc import Collection, Sequence
from typing import get_args
from uuid import UUID

from sightline.database import Connection, Row
from sightline.incidents.schemas import Severity


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
