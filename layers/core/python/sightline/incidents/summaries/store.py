"""SQL of summaries. Every statement runs in the caller's transaction and workspace."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from sightline.database import Connection, Row

CHANGES_WITHIN_S = 3600
"""How long before an incident a deployment is worth naming."""


def latest(conn: Connection, incident_id: UUID) -> Row | None:
    """The one of the highest version."""
    return conn.execute(
        "SELECT * FROM incident_summary WHERE incident_id = %s ORDER BY of_version DESC LIMIT 1",
        (incident_id,),
    ).fetchone()


def summaries(conn: Connection, incident_id: UUID, *, before: int | None, limit: int) -> list[Row]:
    """Newest first."""
    return conn.execute(
        "SELECT * FROM incident_summary WHERE incident_id = %(incident)s"
        " AND (%(before)s::int IS NULL OR of_version < %(before)s) ORDER BY of_version DESC LIMIT %(limit)s",
        {"incident": incident_id, "before": before, "limit": limit},
    ).fetchall()


def add_summary(conn: Connection, values: Mapping[str, Any]) -> Row | None:
    """None where there is one of this version or a later."""
    return conn.execute(
        "INSERT INTO incident_summary (workspace_id, incident_id, of_version, alert_count, firing_count,"
        " because, asked_by, sentences, written_by, degraded, dropped) SELECT %(workspace_id)s,"
        " %(incident_id)s, %(of_version)s, %(alert_count)s, %(firing_count)s, %(because)s, %(asked_by)s,"
        " %(sentences)s, %(written_by)s, %(degraded)s, %(dropped)s WHERE NOT EXISTS (SELECT FROM"
        "  incident_summary WHERE incident_id = %(incident_id)s AND of_version >= %(of_version)s)"
        " ON CONFLICT DO NOTHING RETURNING *",
        {**values, "sentences": Jsonb(values["sentences"])},
    ).fetchone()


def changes_before(conn: Connection, *, services: Sequence[str], at: datetime) -> list[Row]:
    """Alerts that tell of deployments of these services, whatever incident they are in."""
    return conn.execute(
        "SELECT * FROM alert WHERE category = 'deployment' AND service = ANY(%s)"
        " AND occurred_at BETWEEN %s::timestamptz - make_interval(secs => %s) AND %s"
        " ORDER BY occurred_at DESC, id LIMIT 5",
        (list(services), at, CHANGES_WITHIN_S, at),
    ).fetchall()
