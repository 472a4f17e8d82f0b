"""SQL of alerts and deliveries. Every statement runs in the caller's transaction and workspace."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from sightline.database import Connection, Row


def delivery(conn: Connection, delivery_id: UUID) -> Row | None:
    return conn.execute("SELECT * FROM alert_delivery WHERE id = %s", (delivery_id,)).fetchone()


def deliveries(
    conn: Connection, *, after: tuple[datetime, UUID] | None, limit: int, outcome: str | None
) -> list[Row]:
    """Newest first, without what was sent."""
    received_at, delivery_id = after or (None, None)
    return conn.execute(
        "SELECT id, source_id, trust, outcome, reason, alerts, received_at FROM alert_delivery"
        " WHERE (%(outcome)s::text IS NULL OR outcome = %(outcome)s)"
        " AND (%(at)s::timestamptz IS NULL OR (received_at, id) < (%(at)s, %(id)s))"
        " ORDER BY received_at DESC, id DESC LIMIT %(limit)s",
        {"outcome": outcome, "at": received_at, "id": delivery_id, "limit": limit},
    ).fetchall()


def keep_delivery(conn: Connection, delivery: Mapping[str, Any]) -> bool:
    """False when it was taken before; a sender's second attempt is kept too, and not to be read."""
    if _add_delivery(conn, delivery):
        return True
    if conn.execute("SELECT FROM alert_delivery WHERE id = %s", (delivery["id"],)).fetchone() is None:
        _add_delivery(conn, {**delivery, "outcome": "repeated"})
    return False


def _add_delivery(conn: Connection, values: Mapping[str, Any]) -> bool:
    """A second hand-over at the same time waits here for the first to be done."""
    added = conn.execute(
        "INSERT INTO alert_delivery (id, workspace_id, source_id, trust, headers, raw_payload, sender_key,"
        " outcome, received_at) VALUES (%(id)s, %(workspace_id)s, %(source_id)s, %(trust)s, %(headers)s,"
        " %(raw_payload)s, %(sender_key)s, %(outcome)s, %(received_at)s) ON CONFLICT DO NOTHING",
        {**values, "headers": Jsonb(values["headers"])},
    )
    return added.rowcount == 1


def close_delivery(
    conn: Connection, delivery_id: UUID, *, outcome: str, reason: str | None, alerts: int
) -> None:
    """What became of it."""
    conn.execute(
        "UPDATE alert_delivery SET outcome = %s, reason = %s, alerts = %s, read_at = now() WHERE id = %s",
        (outcome, reason, alerts, delivery_id),
    )


def lock_alerts(conn: Connection, source_id: str, names: Sequence[str]) -> None:
    """Holds back who else decides about these names; in one order, so that nobody waits in a ring."""
    for name in sorted(set(names)):
        conn.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, hashtext('alert')))", (f"{source_id} {name}",)
        )


def firing(conn: Connection, source_id: str, external_ids: Sequence[str]) -> set[str]:
    """Which of these names have an alert that goes on."""
    rows = conn.execute(
        "SELECT external_id FROM alert WHERE source_id = %s AND external_id = ANY(%s) AND status = 'firing'",
        (source_id, list(external_ids)),
    ).fetchall()
    return {row["external_id"] for row in rows}


def latest_alert(conn: Connection, source_id: str, *, external_id: str, fingerprint: str) -> Row | None:
    """The last alert of this name; else one that goes on and says the same under another name."""
    return conn.execute(
        "(SELECT *, 0 AS rank FROM alert WHERE source_id = %(source)s AND external_id = %(name)s"
        "  ORDER BY occurred_at DESC, id DESC LIMIT 1)"
        " UNION ALL (SELECT *, 1 FROM alert WHERE source_id = %(source)s AND fingerprint = %(print)s"
        "  AND status = 'firing' ORDER BY id DESC LIMIT 1) ORDER BY rank LIMIT 1",
        {"source": source_id, "name": external_id, "print": fingerprint},
    ).fetchone()


def alert_begun_by(conn: Connection, source_id: str, external_id: str, at: datetime) -> Row | None:
    """The last alert of this name that began until then."""
    return conn.execute(
        "SELECT * FROM alert WHERE source_id = %s AND external_id = %s AND occurred_at <= %s"
        " ORDER BY occurred_at DESC, id DESC LIMIT 1",
        (source_id, external_id, at),
    ).fetchone()


def add_alert(conn: Connection, values: Mapping[str, Any]) -> Row:
    """A new alert."""
    columns = sql.SQL(", ").join(map(sql.Identifier, values))
    places = sql.SQL(", ").join(map(sql.Placeholder, values))
    row = conn.execute(
        sql.SQL("INSERT INTO alert ({}) VALUES ({}) RETURNING *").format(columns, places),
        {**values, "tags": Jsonb(values["tags"]), "entities": Jsonb(values["entities"])},
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of one inserted row
    return row


def count_again(conn: Connection, alert_id: UUID, *, at: datetime, delivery: Mapping[str, Any]) -> None:
    """The same alert once more."""
    conn.execute(
        "UPDATE alert SET occurrences = occurrences + 1, occurred_at = least(occurred_at, %(at)s),"
        " last_occurred_at = greatest(last_occurred_at, %(at)s), last_delivery_id = %(id)s,"
        " heard_at = CASE WHEN status = 'firing' AND %(at)s >= last_occurred_at THEN %(received_at)s"
        " ELSE heard_at END WHERE id = %(alert)s",
        {"at": at, "alert": alert_id, "id": delivery["id"], "received_at": delivery["received_at"]},
    )


def recover(conn: Connection, alert_id: UUID, *, at: datetime, delivery: Mapping[str, Any]) -> None:
    """The alert is over; it cannot have begun later, so that a clock that said so was wrong."""
    conn.execute(
        "UPDATE alert SET status = 'recovered', recovered_at = %(at)s, last_delivery_id = %(id)s,"
        " heard_at = %(received_at)s,"
        " occurred_at = least(occurred_at, %(at)s), last_occurred_at = least(last_occurred_at, %(at)s)"
        " WHERE id = %(alert)s",
        {"at": at, "alert": alert_id, "id": delivery["id"], "received_at": delivery["received_at"]},
    )


def remember_recovery(
    conn: Connection, source: Row, *, external_id: str, at: datetime, heard_at: datetime
) -> None:
    """For an alert that may still arrive."""
    conn.execute(
        "INSERT INTO alert_recovery AS known (workspace_id, source_id, external_id, recovered_at, heard_at)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (source_id, external_id) DO UPDATE"
        " SET recovered_at = excluded.recovered_at, heard_at = excluded.heard_at"
        " WHERE excluded.recovered_at >= known.recovered_at",
        (source["workspace_id"], source["id"], external_id, at, heard_at),
    )


def recovery(conn: Connection, source_id: str, external_id: str) -> Row | None:
    """When this name last recovered, and when we heard of it."""
    return conn.execute(
        "SELECT recovered_at, heard_at FROM alert_recovery WHERE source_id = %s AND external_id = %s",
        (source_id, external_id),
    ).fetchone()


def alert(conn: Connection, alert_id: UUID) -> Row | None:
    return conn.execute("SELECT * FROM alert WHERE id = %s", (alert_id,)).fetchone()


def alerts(
    conn: Connection, *, before: UUID | None, limit: int, where: Mapping[str, str | None]
) -> list[Row]:
    """Newest first."""
    asked = {name: value for name, value in where.items() if value is not None}
    conditions = [
        sql.SQL(" AND {} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in asked
    ]
    query = sql.SQL(
        "SELECT * FROM alert WHERE (%(before)s::uuid IS NULL OR id < %(before)s){}"
        " ORDER BY id DESC LIMIT %(limit)s"
    ).format(sql.Composed(conditions))
    return conn.execute(query, {**asked, "before": before, "limit": limit}).fetchall()
