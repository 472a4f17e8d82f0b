"""SQL of what is kept no longer: found and removed by the same words."""

from typing import Any
from uuid import UUID

from sightline.database import Connection, Row


def retention(conn: Connection) -> Row | None:
    return conn.execute("SELECT * FROM incident_retention").fetchone()


def put_retention(conn: Connection, *, workspace_id: Any, keep_days: int | None, by: str) -> None:
    conn.execute(
        "INSERT INTO incident_retention (workspace_id, keep_days, updated_by) VALUES (%s, %s, %s)"
        " ON CONFLICT (workspace_id) DO UPDATE SET keep_days = excluded.keep_days,"
        " updated_by = excluded.updated_by, updated_at = now(), look_at = now()",
        (workspace_id, keep_days, by),
    )


def due(conn: Connection, days: int) -> dict[str, int]:
    """How much would go by now."""
    row = conn.execute(
        "WITH over AS (SELECT id FROM app.incidents_over(%(days)s) AS id)"
        " SELECT (SELECT count(*) FROM over) AS incidents,"
        " (SELECT count(*) FROM alert WHERE incident_id IN (SELECT id FROM over)) AS alerts,"
        " (SELECT count(*) FROM alert_delivery WHERE received_at < now() - make_interval(days => %(days)s))"
        " AS deliveries",
        {"days": days},
    ).fetchone()
    assert row is not None  # noqa: S101 - aggregates give one row
    return dict(row)


def forget_incidents(conn: Connection, days: int, *, page: int) -> tuple[int, int]:
    """A page of alerts, and the incidents that have none left, with all that hangs on them; how many."""
    rows = conn.execute(
        "SELECT id FROM incident WHERE status NOT IN ('open', 'investigating')"
        " AND id IN (SELECT id FROM app.incidents_over(%s) AS id ORDER BY id LIMIT %s)"
        " FOR UPDATE SKIP LOCKED",
        (days, page),
    ).fetchall()
    ids = [row["id"] for row in rows]
    alerts = conn.execute(
        "DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE incident_id = ANY(%s) LIMIT %s)",
        (ids, page),
    ).rowcount
    incidents = conn.execute(
        "DELETE FROM incident WHERE id = ANY(%s)"
        " AND NOT EXISTS (SELECT FROM alert WHERE alert.incident_id = incident.id)",
        (ids,),
    ).rowcount
    return incidents, alerts


def forget_deliveries(conn: Connection, days: int, *, page: int) -> int:
    """A page of what was sent, as it arrived, whatever became of it; how many."""
    conn.execute("DELETE FROM alert_recovery WHERE recovered_at < now() - make_interval(days => %s)", (days,))
    conn.execute("DELETE FROM alert_dead_letter WHERE died_at < now() - make_interval(days => %s)", (days,))
    return conn.execute(
        "DELETE FROM alert_delivery WHERE id IN (SELECT id FROM alert_delivery"
        " WHERE received_at < now() - make_interval(days => %s) ORDER BY received_at LIMIT %s)",
        (days, page),
    ).rowcount


def note_gone(conn: Connection, gone: dict[str, int], *, more: bool) -> None:
    """Counts what went; more: there is more of it, looked after in the next round."""
    conn.execute(
        "UPDATE incident_retention SET incidents_gone = incidents_gone + %(incidents)s,"
        " alerts_gone = alerts_gone + %(alerts)s, deliveries_gone = deliveries_gone + %(deliveries)s,"
        " last_gone_at = CASE WHEN %(any)s THEN now() ELSE last_gone_at END,"
        " look_at = CASE WHEN %(more)s THEN now() ELSE look_at END",
        {**gone, "any": any(gone.values()), "more": more},
    )


def claim(conn: Connection, *, again_s: float, limit: int) -> list[UUID]:
    """Workspaces that keep nothing for ever, and that nobody looked after lately."""
    rows = conn.execute("SELECT * FROM app.claim_incident_retentions(%s, %s)", (again_s, limit)).fetchall()
    return [row["workspace_id"] for row in rows]
