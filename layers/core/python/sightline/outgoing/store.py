"""SQL of webhooks: endpoints, sealed secrets, messages and their deliveries."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from sightline.database import Connection, Row

_DELIVERY = (
    "SELECT delivery.*, message.event_type FROM webhook_delivery AS delivery"
    " JOIN webhook_message AS message ON message.id = delivery.message_id"
)


def add_endpoint(conn: Connection, values: Mapping[str, Any]) -> Row:
    """A new endpoint."""
    row = conn.execute(
        "INSERT INTO webhook_endpoint (workspace_id, url, description, event_types, created_by)"
        " VALUES (%(workspace_id)s, %(url)s, %(description)s, %(event_types)s, %(created_by)s) RETURNING *",
        values,
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of one inserted row
    return row


def count_endpoints(conn: Connection) -> int:
    """How many there are; holds other creations back until this transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('webhook_endpoint ' || app.workspace(), 0))")
    row = conn.execute("SELECT count(*) AS n FROM webhook_endpoint").fetchone()
    return int(row["n"]) if row else 0


def endpoint(conn: Connection, endpoint_id: UUID, *, lock: bool = False) -> Row | None:
    query = "SELECT * FROM webhook_endpoint WHERE id = %s"
    return conn.execute(query + " FOR UPDATE" if lock else query, (endpoint_id,)).fetchone()


def endpoints(conn: Connection, *, before: UUID | None, limit: int) -> list[Row]:
    """Newest first."""
    return conn.execute(
        "SELECT * FROM webhook_endpoint WHERE %s::uuid IS NULL OR id < %s ORDER BY id DESC LIMIT %s",
        (before, before, limit),
    ).fetchall()


def change_endpoint(conn: Connection, endpoint_id: UUID, change: Mapping[str, Any]) -> Row | None:
    """Replaces what is given."""
    sets = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in change
    )
    return conn.execute(
        sql.SQL("UPDATE webhook_endpoint SET {}, updated_at = now() WHERE id = %(id)s RETURNING *").format(
            sets
        ),
        {**change, "id": endpoint_id},
    ).fetchone()


def delete_endpoint(conn: Connection, endpoint_id: UUID) -> bool:
    """With its secrets and deliveries."""
    return conn.execute("DELETE FROM webhook_endpoint WHERE id = %s", (endpoint_id,)).rowcount == 1


def add_secret(conn: Connection, *, workspace_id: UUID | str, endpoint_id: UUID, sealed: bytes) -> None:
    conn.execute(
        "INSERT INTO webhook_secret (workspace_id, endpoint_id, sealed) VALUES (%s, %s, %s)",
        (workspace_id, endpoint_id, sealed),
    )


def retire_secrets(conn: Connection, endpoint_id: UUID, *, keep_s: int) -> None:
    """The newest secret so far goes on for a while; older ones go now, so that at most two are live."""
    conn.execute(
        "DELETE FROM webhook_secret WHERE endpoint_id = %s AND (expires_at IS NOT NULL OR %s = 0)",
        (endpoint_id, keep_s),
    )
    conn.execute(
        "UPDATE webhook_secret SET expires_at = now() + make_interval(secs => %s) WHERE endpoint_id = %s",
        (keep_s, endpoint_id),
    )


def live_secrets(conn: Connection, endpoint_ids: Sequence[UUID]) -> list[Row]:
    """Those that still sign, newest first."""
    return conn.execute(
        "SELECT id, endpoint_id, sealed, created_at, expires_at FROM webhook_secret"
        " WHERE endpoint_id = ANY(%s) AND (expires_at IS NULL OR expires_at > now()) ORDER BY id DESC",
        (list(endpoint_ids),),
    ).fetchall()


def add_message(
    conn: Connection, *, workspace_id: UUID | str, message_id: UUID, event_type: str, occasion: str, body: str
) -> bool:
    """False when this happening has a message already."""
    added = conn.execute(
        "INSERT INTO webhook_message (id, workspace_id, event_type, occasion, body)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (workspace_id, occasion) DO NOTHING",
        (message_id, workspace_id, event_type, occasion, body),
    )
    return added.rowcount == 1


def forget_messages(conn: Connection, *, after_days: int) -> None:
    """Old messages go with their deliveries, a few at a time: they say what was in videos."""
    conn.execute(
        "DELETE FROM webhook_message WHERE id IN (SELECT id FROM webhook_message"
        " WHERE created_at < now() - make_interval(days => %s) LIMIT 100)",
        (after_days,),
    )


def add_deliveries(
    conn: Connection, *, workspace_id: UUID | str, message_id: UUID, endpoint_id: UUID | None, event_type: str
) -> list[UUID]:
    """One for each endpoint that wants such events, or for the one named."""
    rows = conn.execute(
        "INSERT INTO webhook_delivery (workspace_id, message_id, endpoint_id)"
        " SELECT %(workspace)s, %(message)s, id FROM webhook_endpoint"
        " WHERE CASE WHEN %(endpoint)s::uuid IS NULL THEN enabled AND %(type)s = ANY(event_types)"
        "            ELSE id = %(endpoint)s END RETURNING id",
        {"workspace": workspace_id, "message": message_id, "endpoint": endpoint_id, "type": event_type},
    ).fetchall()
    return [row["id"] for row in rows]


def deliveries_of(conn: Connection, *, occasion: str) -> list[UUID]:
    """The deliveries of one happening that wait for their first attempt."""
    rows = conn.execute(
        "SELECT delivery.id FROM webhook_delivery AS delivery"
        " JOIN webhook_message AS message ON message.id = delivery.message_id"
        " WHERE message.occasion = %s AND delivery.attempts = 0 AND delivery.status = 'pending'",
        (occasion,),
    ).fetchall()
    return [row["id"] for row in rows]


def delivery(conn: Connection, delivery_id: UUID) -> Row | None:
    return conn.execute(f"{_DELIVERY} WHERE delivery.id = %s", (delivery_id,)).fetchone()


def deliveries(
    conn: Connection, endpoint_id: UUID, *, status: str | None, before: UUID | None, limit: int
) -> list[Row]:
    """An endpoint's deliveries, newest first."""
    return conn.execute(
        f"{_DELIVERY} WHERE delivery.endpoint_id = %(endpoint)s"
        " AND (%(status)s::text IS NULL OR delivery.status = %(status)s)"
        " AND (%(before)s::uuid IS NULL OR delivery.id < %(before)s)"
        " ORDER BY delivery.id DESC LIMIT %(limit)s",
        {"endpoint": endpoint_id, "status": status, "before": before, "limit": limit},
    ).fetchall()


def claim(conn: Connection, delivery_id: UUID, *, lease_s: float) -> Row | None:
    """Takes a delivery that is due for one attempt; None when it is not due, done, or being sent."""
    return conn.execute(
        "UPDATE webhook_delivery AS delivery SET attempts = attempts + 1, tries = tries + 1,"
        " leased_until = now() + make_interval(secs => %s)"
        " FROM webhook_message AS message, webhook_endpoint AS endpoint"
        " WHERE delivery.id = %s AND delivery.status = 'pending' AND delivery.next_attempt_at <= now()"
        " AND (delivery.leased_until IS NULL OR delivery.leased_until <= now())"
        " AND message.id = delivery.message_id AND endpoint.id = delivery.endpoint_id"
        " RETURNING delivery.id, delivery.message_id, delivery.endpoint_id, delivery.tries, message.body,"
        " endpoint.url, endpoint.enabled, message.event_type",
        (lease_s, delivery_id),
    ).fetchone()


def wait_s(conn: Connection, delivery_id: UUID) -> float | None:
    """Seconds until a pending delivery can be claimed; None when there is nothing to wait for."""
    row = conn.execute(
        "SELECT extract(epoch FROM greatest(next_attempt_at, leased_until) - now())::float8 AS wait_s"
        " FROM webhook_delivery WHERE id = %s AND status = 'pending'",
        (delivery_id,),
    ).fetchone()
    return None if row is None else max(float(row["wait_s"]), 0.0)


def end_attempt(
    conn: Connection, delivery_id: UUID, *, status: str, attempt: Mapping[str, Any], pause_s: float | None
) -> None:
    """What came of it; a delivery that was cancelled meanwhile stays so."""
    conn.execute(
        "UPDATE webhook_delivery SET leased_until = NULL,"
        " status = CASE WHEN status = 'cancelled' AND %(status)s <> 'delivered' THEN status"
        "               ELSE %(status)s END,"
        " next_attempt_at = now() + make_interval(secs => %(pause_s)s), last_status = %(http)s,"
        " last_error = %(error)s, delivered_at = CASE WHEN %(status)s = 'delivered' THEN now() END,"
        " history = jsonb_path_query_array(history || %(attempt)s::jsonb, 'lax $[last - 19 to last]')"
        " WHERE id = %(id)s",
        {
            "id": delivery_id,
            "status": status,
            "pause_s": pause_s or 0.0,
            "http": attempt["status"],
            "error": attempt["error"],
            "attempt": Jsonb([attempt]),
        },
    )


def cancel(conn: Connection, endpoint_id: UUID, *, why: str) -> None:
    """Gives up what waits for an endpoint that takes nothing any more."""
    conn.execute(
        "UPDATE webhook_delivery SET status = 'cancelled', last_error = %s"
        " WHERE endpoint_id = %s AND status = 'pending'",
        (why, endpoint_id),
    )


def begin_again(conn: Connection, delivery_id: UUID) -> bool:
    """Gives an ended delivery all its attempts again; False when it is on its way."""
    done = conn.execute(
        "UPDATE webhook_delivery SET status = 'pending', tries = 0, next_attempt_at = now(),"
        " delivered_at = NULL WHERE id = %s AND status <> 'pending'",
        (delivery_id,),
    )
    return done.rowcount == 1


def failed_deliveries(conn: Connection, endpoint_id: UUID, *, limit: int) -> list[UUID]:
    """The oldest that failed for good."""
    rows = conn.execute(
        "SELECT id FROM webhook_delivery WHERE endpoint_id = %s AND status = 'failed' ORDER BY id LIMIT %s",
        (endpoint_id, limit),
    ).fetchall()
    return [row["id"] for row in rows]
