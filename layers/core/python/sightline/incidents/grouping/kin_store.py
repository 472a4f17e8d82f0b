"""SQL of families: alerts that may be of one incident, found by what they name and by their vectors."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from sightline.database import Connection, Row


def put_keys(conn: Connection, alert: Row, keys: Sequence[str]) -> None:
    """What others find it by, at the moment at which it began; in place of those before."""
    conn.execute("DELETE FROM alert_key WHERE alert_id = %s", (alert["id"],))
    conn.execute(
        "INSERT INTO alert_key (workspace_id, key, occurred_at, alert_id)"
        " SELECT %s, unnest(%s::text[]), %s, %s ON CONFLICT DO NOTHING",
        (alert["workspace_id"], list(keys), alert["occurred_at"], alert["id"]),
    )


def neighbours(
    conn: Connection, alert: Row, *, asks: Sequence[str], everything: str, similar: float, window_s: int
) -> list[Row]:
    """Alerts that began near it and share a key with it, or say something similar.

    Of each family and each set of shared keys the closest, which speak most for it. everything: the key of
    all that is of its environment.
    """
    return conn.execute(
        _NEIGHBOURS,
        {
            "alert": alert["id"],
            "at": alert["occurred_at"],
            "vector": alert["vector"],
            "category": alert["category"],
            "asks": list(asks),
            "everything": everything,
            "similar": similar,
            "window": window_s,
        },
    ).fetchall()


# LATERAL and LIMIT: row by row, whatever the planner makes of a table that grew a minute ago.
# Evidence is a sum (evidence.py), so that among those that share the same keys the closest have most of it:
# ten minutes weigh about as much as the whole similarity.
_NEIGHBOURS = """
WITH near AS (
    SELECT alert_id, occurred_at, array_agg(key ORDER BY key) FILTER (WHERE key <> %(everything)s) AS keys
    FROM alert_key WHERE workspace_id = app.workspace() AND (key = ANY(%(asks)s) OR key = %(everything)s)
      AND alert_id <> %(alert)s
      AND occurred_at BETWEEN %(at)s::timestamptz - make_interval(secs => %(window)s)
                          AND %(at)s::timestamptz + make_interval(secs => %(window)s)
    GROUP BY alert_id, occurred_at),
seen AS (
    SELECT alert.id, alert.family_id, near.keys, alert.minor, alert.alike, alert.similarity,
        coalesce(alert.similarity, 0)
            - abs(extract(epoch FROM near.occurred_at - %(at)s::timestamptz))::float8 / 600 AS closeness
    FROM near CROSS JOIN LATERAL (
        SELECT id, family_id, severity IN ('low', 'info') AS minor, category = %(category)s AS alike,
            -(vector <#> %(vector)s::halfvec(384)) AS similarity
        FROM alert WHERE alert.id = near.alert_id LIMIT 1) AS alert
    WHERE alert.family_id IS NOT NULL AND (near.keys IS NOT NULL OR alert.similarity >= %(similar)s)),
closest AS (
    SELECT id, row_number() OVER (
        PARTITION BY family_id, keys, minor, alike ORDER BY closeness DESC, id) AS place FROM seen)
SELECT alert.* FROM closest JOIN alert USING (id) WHERE place <= 2
"""


def episodes(conn: Connection, alert: Row, *, within_s: int) -> list[UUID]:
    """Families of the same alert before and after, where no longer than that lies between the two."""
    rows = conn.execute(
        "SELECT DISTINCT family_id FROM alert WHERE source_id = %(source_id)s"
        " AND external_id = %(external_id)s AND id <> %(id)s AND family_id IS NOT NULL"
        " AND coalesce(recovered_at, last_occurred_at)"
        "     >= %(occurred_at)s::timestamptz - make_interval(secs => %(within)s)"
        " AND occurred_at <= coalesce(%(recovered_at)s::timestamptz, %(last_occurred_at)s::timestamptz)"
        "     + make_interval(secs => %(within)s)",
        {name: alert[name] for name in _EPISODE} | {"within": within_s},
    ).fetchall()
    return [row["family_id"] for row in rows]


_EPISODE = ("id", "source_id", "external_id", "occurred_at", "last_occurred_at", "recovered_at")


def unite(conn: Connection, alert_id: UUID, families: Collection[UUID]) -> None:
    """The alert and these families are one; of itself where there are none."""
    home = min(families, default=alert_id)
    conn.execute("UPDATE alert SET family_id = %s WHERE id = %s", (home, alert_id))
    if len(families) > 1:
        conn.execute(
            "UPDATE alert SET family_id = %s WHERE family_id = ANY(%s) AND family_id <> %s",
            (home, list(families), home),
        )


def families_of(conn: Connection, alert_ids: Collection[UUID]) -> list[UUID]:
    """Each once."""
    rows = conn.execute(
        "SELECT DISTINCT family_id FROM alert WHERE id = ANY(%s) AND family_id IS NOT NULL"
        " ORDER BY family_id",
        (list(alert_ids),),
    ).fetchall()
    return [row["family_id"] for row in rows]


def family(conn: Connection, family_id: UUID, *, limit: int) -> list[Row]:
    """Its latest alerts, in the order in which they began; held: those that a person put where they are."""
    return conn.execute(
        "SELECT * FROM (SELECT alert.*, coalesce(incident.held, false) AS held FROM alert"
        "  LEFT JOIN incident ON incident.id = alert.incident_id WHERE family_id = %s"
        "  ORDER BY alert.occurred_at DESC, alert.source_id DESC, alert.external_id DESC LIMIT %s) AS latest"
        " ORDER BY occurred_at, source_id, external_id",
        (family_id, limit),
    ).fetchall()


def place(
    conn: Connection,
    alert_id: UUID,
    incident_id: UUID,
    *,
    because: Mapping[str, Any],
    muted_until: datetime | None,
) -> None:
    """The alert is one of the incident's."""
    conn.execute(
        "UPDATE alert SET incident_id = %s, joined_because = %s, muted_until = %s WHERE id = %s",
        (incident_id, Jsonb(because), muted_until, alert_id),
    )


def explain(conn: Connection, alert_id: UUID, *, because: Mapping[str, Any]) -> None:
    """It is where it was, and more is known of why."""
    conn.execute("UPDATE alert SET joined_because = %s WHERE id = %s", (Jsonb(because), alert_id))


def move(conn: Connection, alert_id: UUID, incident_id: UUID, *, because: Mapping[str, Any]) -> None:
    """It belongs to another, now that more is known."""
    conn.execute(
        "UPDATE alert SET incident_id = %s, joined_because = %s WHERE id = %s",
        (incident_id, Jsonb(because), alert_id),
    )
