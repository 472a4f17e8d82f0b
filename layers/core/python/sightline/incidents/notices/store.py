"""SQL of notification channels, and of what is read for people about notifications."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from sightline.database import Connection, Row, transaction

_NOTIFICATION = (
    "SELECT notification.*, message.channel_id, channel.name AS channel, message.incident_id,"
    " incident.number AS incident_number FROM notification"
    " JOIN notification_message AS message ON message.id = notification.message_id"
    " JOIN notification_channel AS channel ON channel.id = message.channel_id"
    " LEFT JOIN incident ON incident.id = message.incident_id"
)


def new_id(conn: Connection) -> UUID:
    """Given before the row is written: secrets are sealed for it."""
    row = conn.execute("SELECT app.uuid7() AS id").fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    return UUID(str(row["id"]))


def knows_timezone(conn: Connection, name: str) -> bool:
    """Postgres does the reckoning: a Lambda's image has no time zones."""
    return conn.execute("SELECT FROM pg_timezone_names WHERE name = %s", (name,)).fetchone() is not None


def count_channels(conn: Connection) -> int:
    """How many there are; holds other creations back until this transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('channel ' || app.workspace(), 0))")
    row = conn.execute("SELECT count(*) AS n FROM notification_channel").fetchone()
    return int(row["n"]) if row else 0


def add_channel(conn: Connection, values: Mapping[str, Any]) -> Row:
    """A new channel."""
    row = conn.execute(
        "INSERT INTO notification_channel (id, workspace_id, kind, name, settings, sealed, min_severity,"
        " services, teams, quiet, created_by) VALUES (%(id)s, %(workspace_id)s, %(kind)s, %(name)s,"
        " %(settings)s, %(sealed)s, %(min_severity)s, %(services)s, %(teams)s, %(quiet)s, %(created_by)s)"
        " RETURNING *",
        _written(values),
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of one inserted row
    return row


def change_channel(conn: Connection, channel_id: UUID, change: Mapping[str, Any]) -> None:
    """Replaces what is given; what it holds back is looked at again."""
    sets = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in change]
    conn.execute(
        sql.SQL(
            "UPDATE notification_channel SET {}, updated_at = now(), busy_until = NULL,"
            " held_until = CASE WHEN held_until IS NOT NULL THEN now() END WHERE id = %(id)s"
        ).format(sql.SQL(", ").join(sets)),
        {**_written(change), "id": channel_id},
    )


def _written(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON as Postgres takes it."""
    there = {name: values[name] for name in ("settings", "quiet") if values.get(name) is not None}
    return {**values, **{name: Jsonb(value) for name, value in there.items()}}


def channel(conn: Connection, channel_id: UUID, *, lock: bool = False) -> Row | None:
    query = "SELECT * FROM notification_channel WHERE id = %s"
    return conn.execute(query + " FOR UPDATE" if lock else query, (channel_id,)).fetchone()


def channels(conn: Connection, *, before: UUID | None, limit: int) -> list[Row]:
    """Newest first."""
    return conn.execute(
        "SELECT * FROM notification_channel WHERE %s::uuid IS NULL OR id < %s ORDER BY id DESC LIMIT %s",
        (before, before, limit),
    ).fetchall()


def live_channels(conn: Connection) -> list[Row]:
    """All that are switched on, oldest first."""
    return conn.execute("SELECT * FROM notification_channel WHERE enabled ORDER BY id").fetchall()


def delete_channel(conn: Connection, channel_id: UUID) -> bool:
    """With what was told through it."""
    return conn.execute("DELETE FROM notification_channel WHERE id = %s", (channel_id,)).rowcount == 1


def slack_channel(channel_id: UUID) -> Row | None:
    """Whose buttons these are, before anybody is known."""
    with transaction() as conn:
        return conn.execute("SELECT * FROM app.slack_channel(%s)", (channel_id,)).fetchone()


def notification(conn: Connection, notification_id: UUID) -> Row | None:
    return conn.execute(f"{_NOTIFICATION} WHERE notification.id = %s", (notification_id,)).fetchone()


def notifications(
    conn: Connection, *, where: Mapping[str, Any], before: UUID | None, limit: int
) -> list[Row]:
    """Newest first; where: channel, incident, status."""
    return conn.execute(
        f"{_NOTIFICATION} WHERE (%(channel)s::uuid IS NULL OR message.channel_id = %(channel)s)"
        " AND (%(incident)s::uuid IS NULL OR message.incident_id = %(incident)s)"
        " AND (%(status)s::text IS NULL OR notification.status = %(status)s)"
        " AND (%(before)s::uuid IS NULL OR notification.id < %(before)s)"
        " ORDER BY notification.id DESC LIMIT %(limit)s",
        {"channel": None, "incident": None, "status": None, **where, "before": before, "limit": limit},
    ).fetchall()


def teams_of(conn: Connection, incident_id: UUID) -> list[str]:
    """Whose its alerts are."""
    rows = conn.execute(
        "SELECT DISTINCT team FROM alert WHERE incident_id = %s ORDER BY team", (incident_id,)
    ).fetchall()
    return [row["team"] for row in rows]


def maintenance_until(conn: Connection, incident: Row) -> datetime | None:
    """The end of the maintenance that an incident's services are in now."""
    row = conn.execute(
        "SELECT max(ends_at) AS ends_at FROM maintenance_window WHERE deleted_at IS NULL"
        " AND starts_at <= now() AND ends_at > now()"
        " AND (services = '{}' OR (%(services)s::text[] <> '{}' AND services @> %(services)s::text[]))"
        " AND (environments = '{}' OR %(environment)s::text = ANY (environments))",
        {"services": incident["services"], "environment": incident["environment"]},
    ).fetchone()
    return row["ends_at"] if row else None


def summary_of(conn: Connection, incident_id: UUID) -> str | None:
    """The newest summary, if one was written."""
    row = conn.execute(
        "SELECT sentences FROM incident_summary WHERE incident_id = %s ORDER BY of_version DESC LIMIT 1",
        (incident_id,),
    ).fetchone()
    return " ".join(one["text"] for one in row["sentences"]) if row else None


def went_to(conn: Connection, incident: Row) -> list[int]:
    """The numbers of the incidents that took its alerts, when it was merged or withdrawn."""
    rows = conn.execute(
        "SELECT number FROM incident WHERE id = %(into)s UNION"
        " SELECT home.number FROM incident_event AS left_it"
        " JOIN alert ON alert.id = (left_it.after->>'alert_id')::uuid"
        " JOIN incident AS home ON home.id = alert.incident_id AND home.id <> %(id)s"
        " WHERE %(withdrawn)s AND left_it.kind = 'alert_joined'"
        " AND left_it.before->>'incident_id' = %(id)s::text"
        " ORDER BY number",
        {
            "id": incident["id"],
            "into": incident["merged_into"],
            "withdrawn": incident["status"] == "gathering",
        },
    ).fetchall()
    return [row["number"] for row in rows]
