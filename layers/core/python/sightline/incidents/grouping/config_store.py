"""SQL of what a workspace sets: thresholds, maintenance, its service map."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sightline.database import Connection, Row
from sightline.incidents.grouping.schemas import Settings

_SETTINGS = ("alerts_needed", "opens_at_once", "reopen_s", "auto_resolve", "resolve_after_s")


def settings(conn: Connection) -> Settings:
    """The workspace's, or those that hold where it sets none."""
    row = conn.execute("SELECT * FROM incident_settings").fetchone()
    return Settings(**{name: row[name] for name in _SETTINGS}) if row else Settings()


def put_settings(conn: Connection, values: Mapping[str, Any]) -> None:
    """In place of what was set."""
    conn.execute(
        "INSERT INTO incident_settings (workspace_id, alerts_needed, opens_at_once, reopen_s, auto_resolve,"
        " resolve_after_s, updated_by) VALUES (%(workspace_id)s, %(alerts_needed)s, %(opens_at_once)s,"
        " %(reopen_s)s, %(auto_resolve)s, %(resolve_after_s)s, %(updated_by)s)"
        " ON CONFLICT (workspace_id) DO UPDATE SET alerts_needed = excluded.alerts_needed,"
        " opens_at_once = excluded.opens_at_once, reopen_s = excluded.reopen_s,"
        " auto_resolve = excluded.auto_resolve, resolve_after_s = excluded.resolve_after_s,"
        " updated_by = excluded.updated_by, updated_at = now()",
        values,
    )


def muted_until(conn: Connection, *, service: str, environment: str, at: datetime) -> datetime | None:
    """The end of the maintenance that an alert of this moment falls into."""
    row = conn.execute(
        "SELECT max(ends_at) AS until FROM maintenance_window WHERE deleted_at IS NULL"
        " AND starts_at <= %(at)s AND %(at)s < ends_at"
        " AND (services = '{}' OR %(service)s = ANY(services))"
        " AND (environments = '{}' OR %(environment)s = ANY(environments))",
        {"at": at, "service": service, "environment": environment},
    ).fetchone()
    return row["until"] if row else None


def add_maintenance(conn: Connection, values: Mapping[str, Any]) -> Row:
    row = conn.execute(
        "INSERT INTO maintenance_window (workspace_id, reason, services, environments, starts_at, ends_at,"
        " created_by) VALUES (%(workspace_id)s, %(reason)s, %(services)s, %(environments)s, %(starts_at)s,"
        " %(ends_at)s, %(created_by)s) RETURNING *",
        values,
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of one inserted row
    return row


def maintenances(conn: Connection, *, before: UUID | None, limit: int) -> list[Row]:
    """Newest first."""
    return conn.execute(
        "SELECT * FROM maintenance_window WHERE deleted_at IS NULL"
        " AND (%(before)s::uuid IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s",
        {"before": before, "limit": limit},
    ).fetchall()


def end_maintenance(conn: Connection, maintenance_id: UUID) -> Row | None:
    """It holds nothing back any more."""
    return conn.execute(
        "UPDATE maintenance_window SET deleted_at = now() WHERE id = %s AND deleted_at IS NULL RETURNING *",
        (maintenance_id,),
    ).fetchone()


def unmute(conn: Connection, ends_at: datetime) -> None:
    """What fires and was held back until then is looked at anew."""
    conn.execute(
        "WITH told AS (UPDATE alert SET muted_until = now() WHERE muted_until = %s AND status = 'firing'"
        "  RETURNING incident_id)"
        " UPDATE incident SET look_at = now() WHERE id IN (SELECT incident_id FROM told)",
        (ends_at,),
    )


def service_map(conn: Connection) -> list[tuple[str, str]]:
    """Who depends on whom."""
    rows = conn.execute(
        "SELECT service, depends_on FROM service_dependency ORDER BY service, depends_on"
    ).fetchall()
    return [(row["service"], row["depends_on"]) for row in rows]


def put_service_map(conn: Connection, workspace_id: str, pairs: Sequence[tuple[str, str]]) -> None:
    """In place of the one before."""
    conn.execute("DELETE FROM service_dependency")
    conn.execute(
        "INSERT INTO service_dependency (workspace_id, service, depends_on)"
        " SELECT %s, * FROM unnest(%s::text[], %s::text[]) ON CONFLICT DO NOTHING",
        (workspace_id, [service for service, _ in pairs], [below for _, below in pairs]),
    )
