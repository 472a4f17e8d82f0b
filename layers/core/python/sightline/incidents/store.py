"""SQL of alerts, deliveries and sources. Every statement runs in the caller's transaction and workspace."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from sightline.database import Connection, Row


def add_source(conn: Connection, values: Mapping[str, Any]) -> Row:
    """A new source."""
    row = conn.execute(
        "INSERT INTO alert_source (id, workspace_id, name, platform, scheme, settings, created_by)"
        " VALUES (%(id)s, %(workspace_id)s, %(name)s, %(platform)s, %(scheme)s, %(settings)s, %(created_by)s)"
        " RETURNING *",
        {**values, "settings": Jsonb(values["settings"])},
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of one inserted row
    return row


def source(conn: Connection, source_id: str, *, lock: bool = False) -> Row | None:
    """A source that is not deleted."""
    query = "SELECT * FROM alert_source WHERE id = %s AND deleted_at IS NULL"
    return conn.execute(query + " FOR UPDATE" if lock else query, (source_id,)).fetchone()


def any_source(conn: Connection, source_id: str) -> Row | None:
    """A source, deleted or not: what was taken from it is read all the same."""
    return conn.execute("SELECT * FROM alert_source WHERE id = %s", (source_id,)).fetchone()


def sources(conn: Connection, *, after: tuple[datetime, str] | None, limit: int) -> list[Row]:
    """Newest first."""
    created_at, source_id = after or (None, None)
    return conn.execute(
        "SELECT * FROM alert_source WHERE deleted_at IS NULL AND"
        " (%(at)s::timestamptz IS NULL OR (created_at, id) < (%(at)s, %(id)s))"
        " ORDER BY created_at DESC, id DESC LIMIT %(limit)s",
        {"at": created_at, "id": source_id, "limit": limit},
    ).fetchall()


def delete_source(conn: Connection, source_id: str) -> bool:
    """Its alerts stay; nothing more is taken from it."""
    gone = conn.execute(
        "UPDATE alert_source SET deleted_at = now() WHERE id = %s AND deleted_at IS NULL", (source_id,)
    )
    return gone.rowcount == 1


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
        "  ORDER BY id DESC LIMIT 1)"
        " UNION ALL (SELECT *, 1 FROM alert WHERE source_id = %(source)s AND fingerprint = %(print)s"
        "  AND status = 'firing' ORDER BY id DESC LIMIT 1) ORDER BY rank LIMIT 1",
        {"source": source_id, "name": external_id, "print": fingerprint},
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


def count_again(conn: Connection, alert_id: UUID, *, at: datetime, delivery_id: UUID) -> None:
    """The same alert once more."""
    conn.execute(
        "UPDATE alert SET occurrences = occurrences + 1, occurred_at = least(occurred_at, %(at)s),"
        " last_occurred_at = greatest(last_occurred_at, %(at)s), last_delivery_id = %(delivery)s"
        " WHERE id = %(alert)s",
        {"at": at, "delivery": delivery_id, "alert": alert_id},
    )


def recover(conn: Connection, alert_id: UUID, *, at: datetime, delivery_id: UUID) -> None:
    """The alert is over."""
    conn.execute(
        "UPDATE alert SET status = 'recovered', recovered_at = %s, last_delivery_id = %s WHERE id = %s",
        (at, delivery_id, alert_id),
    )


def remember_recovery(conn: Connection, source: Row, *, external_id: str, at: datetime) -> None:
    """For an alert that may still arrive."""
    conn.execute(
        "INSERT INTO alert_recovery AS known (workspace_id, source_id, external_id, recovered_at)"
        " VALUES (%s, %s, %s, %s) ON CONFLICT (source_id, external_id) DO UPDATE"
        " SET recovered_at = greatest(known.recovered_at, excluded.recovered_at)",
        (source["workspace_id"], source["id"], external_id, at),
    )


def recovered_at(conn: Connection, source_id: str, external_id: str) -> datetime | None:
    """When a recovery of this name last said that all was well."""
    row = conn.execute(
        "SELECT recovered_at FROM alert_recovery WHERE source_id = %s AND external_id = %s",
        (source_id, external_id),
    ).fetchone()
    return row["recovered_at"] if row else None


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
