"""SQL of what an alert may be linked to: within the window, by keys; the database compares the vectors."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from sightline.database import Connection, Row
from sightline.incidents.grouping import rules
from sightline.incidents.grouping.rules import Kin


def add_keys(conn: Connection, alert: Row, at: datetime, kin: Kin) -> bool:
    """What others find it by, at a moment at which it fired; False where that was known."""
    added = conn.execute(
        "INSERT INTO alert_key (workspace_id, key, occurred_at, alert_id, traits)"
        " SELECT %s, unnest(%s::text[]), %s, %s, %s ON CONFLICT DO NOTHING",
        (alert["workspace_id"], list(kin.keys), at, alert["id"], kin.traits),
    )
    return added.rowcount > 0


def related(conn: Connection, alert: Row, *, at: datetime, kin: Kin) -> list[Row]:
    """Of each incident and each set of shared keys the one alert that is closest in words and in time."""
    return conn.execute(
        _RELATED,
        {
            "alert": alert["id"],
            "at": at,
            "vector": alert["vector"],
            "keys": list(kin.asks),
            "window": rules.WINDOW_S,
            "similar": rules.SIMILAR,
            "neutral": rules.NEUTRAL,
            "alike": rules.ALIKE,
            "fades": rules.FADES_S,
        },
    ).fetchall()


# LATERAL and LIMIT: row by row, whatever the planner makes of a table that grew a minute ago.
# Points are a sum (rules.link), so that among those that share the same keys one alert has the most of them.
_RELATED = """
WITH shared AS (
    SELECT alert_id, occurred_at, traits, array_agg(key ORDER BY key) AS keys FROM alert_key
    WHERE workspace_id = app.workspace() AND key = ANY(%(keys)s) AND alert_id <> %(alert)s
      AND occurred_at BETWEEN %(at)s::timestamptz - make_interval(secs => %(window)s)
                          AND %(at)s::timestamptz + make_interval(secs => %(window)s)
    GROUP BY alert_id, occurred_at, traits),
compared AS (
    SELECT alert.id, alert.incident_id, shared.keys, shared.traits,
        abs(extract(epoch FROM shared.occurred_at - %(at)s::timestamptz))::float8 AS apart_s,
        -(alert.vector <#> %(vector)s::halfvec(384)) AS similarity
    FROM shared CROSS JOIN LATERAL (
        SELECT id, incident_id, vector FROM alert WHERE alert.id = shared.alert_id LIMIT 1) AS alert
    WHERE alert.incident_id IS NOT NULL)
SELECT DISTINCT ON (incident_id, keys, traits, alike) *,
    coalesce(similarity, %(neutral)s) >= %(alike)s AS alike
FROM compared
ORDER BY incident_id, keys, traits, alike,
    coalesce(similarity, %(neutral)s) * %(similar)s - apart_s / %(fades)s DESC, id
"""


def episodes(conn: Connection, alert: Row, *, within_s: int) -> list[Row]:
    """The same alert before and after, where no longer than that lies between the two."""
    return conn.execute(
        "SELECT id, incident_id, greatest(0, extract(epoch FROM greatest("
        "   %(occurred_at)s - coalesce(recovered_at, last_occurred_at),"
        "   occurred_at - coalesce(%(recovered_at)s, %(last_occurred_at)s))))::float8 AS apart_s"
        " FROM alert WHERE source_id = %(source_id)s AND external_id = %(external_id)s AND id <> %(id)s"
        " AND incident_id IS NOT NULL"
        " AND coalesce(recovered_at, last_occurred_at)"
        "     >= %(occurred_at)s::timestamptz - make_interval(secs => %(within)s)"
        " AND occurred_at <= coalesce(%(recovered_at)s::timestamptz, %(last_occurred_at)s::timestamptz)"
        "     + make_interval(secs => %(within)s)"
        " ORDER BY apart_s, id",
        {
            **{name: alert[name] for name in _TIMES},
            "source_id": alert["source_id"],
            "external_id": alert["external_id"],
            "id": alert["id"],
            "within": within_s,
        },
    ).fetchall()


_TIMES = ("occurred_at", "last_occurred_at", "recovered_at")


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
