"""SQL of messages and the changes they tell: written down, held back, claimed, ended."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sightline.database import Connection, Row


def known(conn: Connection, incident_id: UUID) -> dict[UUID, Row]:
    """The messages of an incident, by channel."""
    rows = conn.execute("SELECT * FROM notification_message WHERE incident_id = %s", (incident_id,))
    return {row["channel_id"]: row for row in rows.fetchall()}


def add(conn: Connection, *, workspace_id: UUID | str, channel_id: UUID, incident_id: UUID | None) -> UUID:
    """The incident's message in a channel, or another test's."""
    named = {"workspace": workspace_id, "channel": channel_id, "incident": incident_id}
    row = conn.execute(
        "INSERT INTO notification_message (workspace_id, channel_id, incident_id)"
        " VALUES (%(workspace)s, %(channel)s, %(incident)s) ON CONFLICT DO NOTHING RETURNING id",
        named,
    ).fetchone()
    row = (
        row
        or conn.execute(
            "SELECT id FROM notification_message"
            " WHERE channel_id = %(channel)s AND incident_id = %(incident)s",
            named,
        ).fetchone()
    )
    assert row is not None  # noqa: S101 - what stood in the way is there
    return UUID(str(row["id"]))


def want(conn: Connection, message_id: UUID, *, version: int) -> None:
    """A change to be told, unless it or a later one was."""
    conn.execute(
        "INSERT INTO notification (workspace_id, message_id, version) SELECT workspace_id, id, %(version)s"
        " FROM notification_message WHERE id = %(message)s AND told_version < %(version)s"
        " ON CONFLICT (message_id, version) DO NOTHING",
        {"message": message_id, "version": version},
    )


def want_test(conn: Connection, message_id: UUID) -> UUID:
    """A test to be sent: it is of no incident's version."""
    row = conn.execute(
        "INSERT INTO notification (workspace_id, message_id, version) SELECT workspace_id, id, 0"
        " FROM notification_message WHERE id = %s RETURNING id",
        (message_id,),
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of one inserted row
    return UUID(str(row["id"]))


def waiting(conn: Connection, message_id: UUID) -> set[str]:
    """In which ways changes of it wait to be told: pending, held, sending."""
    rows = conn.execute(
        "SELECT DISTINCT status FROM notification WHERE message_id = %s"
        " AND status IN ('pending', 'held', 'sending')",
        (message_id,),
    ).fetchall()
    return {row["status"] for row in rows}


def of(conn: Connection, message_id: UUID, *, lock: bool = False) -> Row | None:
    """A message, how long it must wait, and what the clock of its channel's quiet hours shows."""
    query = (
        "SELECT message.*, to_jsonb(channel.*) - 'sealed' AS channel, channel.sealed,"
        " extract(epoch FROM greatest(message.next_attempt_at, message.leased_until, channel.busy_until)"
        "  - now())::float8 AS wait_s, now() AS now,"
        " now() AT TIME ZONE coalesce(channel.quiet->>'timezone', 'UTC') AS clock"
        " FROM notification_message AS message"
        " JOIN notification_channel AS channel ON channel.id = message.channel_id WHERE message.id = %s"
    )
    # Not FOR UPDATE: a change that is written down meanwhile refers to the row, and need not wait.
    return conn.execute(query + " FOR NO KEY UPDATE OF message" if lock else query, (message_id,)).fetchone()


def imagined(conn: Connection, channel_id: UUID) -> Row:
    """A message that nobody wrote down, for a look at what it would be."""
    row = conn.execute(
        "SELECT %s::uuid AS id, id AS channel_id, NULL AS place, NULL AS ts, NULL AS astray,"
        " 0 AS told_version, now() AS now, to_jsonb(channel.*) - 'sealed' AS channel,"
        " now() AT TIME ZONE coalesce(quiet->>'timezone', 'UTC') AS clock"
        " FROM notification_channel AS channel WHERE id = %s",
        (UUID(int=0), channel_id),
    ).fetchone()
    assert row is not None  # noqa: S101 - the caller has just read it
    return row


def held_messages(conn: Connection, channel_id: UUID, *, limit: int) -> list[UUID]:
    """Those of a channel that are held back, oldest first."""
    rows = conn.execute(
        "SELECT DISTINCT message.id FROM notification_message AS message JOIN notification ON"
        " notification.message_id = message.id AND notification.status = 'held'"
        " WHERE message.channel_id = %s ORDER BY message.id LIMIT %s",
        (channel_id, limit),
    ).fetchall()
    return [row["id"] for row in rows]


def hold(conn: Connection, message: Row, *, until: datetime) -> None:
    """Nothing of it is told before then; without a zone it is by the clock of the channel's quiet hours."""
    conn.execute(
        "UPDATE notification SET status = 'held' WHERE message_id = %s AND status = 'pending'",
        (message["id"],),
    )
    zone = None if until.tzinfo else message["channel"]["quiet"]["timezone"]
    conn.execute(
        "UPDATE notification_channel SET held_until = least(held_until,"
        " CASE WHEN %(zone)s::text IS NULL THEN %(until)s::timestamptz"
        "      ELSE %(until)s::timestamp AT TIME ZONE %(zone)s END) WHERE id = %(channel)s",
        {"until": until.isoformat(), "zone": zone, "channel": message["channel_id"]},
    )


def release_channel(conn: Connection, channel_id: UUID) -> None:
    """Nobody looks at it again, unless it holds something back."""
    conn.execute("SELECT FROM notification_channel WHERE id = %s FOR UPDATE", (channel_id,))
    # After the lock: who was just holding something back is seen.
    conn.execute(
        "UPDATE notification_channel SET held_until = NULL WHERE id = %s AND NOT EXISTS ("
        " SELECT FROM notification JOIN notification_message AS message"
        " ON message.id = notification.message_id"
        " WHERE message.channel_id = notification_channel.id AND notification.status = 'held')",
        (channel_id,),
    )


def give_up_lost(conn: Connection, message: Row) -> None:
    """Who was sending is gone: whether it arrived is not known, and it is not sent again."""
    conn.execute(
        "WITH lost AS (UPDATE notification SET status = 'unknown', ended_at = now(),"
        " last_error = 'Whoever sent it did not come back; it may have arrived.'"
        " WHERE message_id = %(id)s AND status = 'sending' RETURNING version)"
        " UPDATE notification_message"
        " SET told_version = greatest(told_version, (SELECT max(version) FROM lost))"
        " WHERE id = %(id)s AND EXISTS (SELECT FROM lost)",
        {"id": message["id"]},
    )


def cancel(conn: Connection, message_id: UUID, *, why: str) -> None:
    """Nobody is to be told of what waits."""
    conn.execute(
        "UPDATE notification SET status = 'cancelled', ended_at = now(), last_error = %s"
        " WHERE message_id = %s AND status IN ('pending', 'held')",
        (why, message_id),
    )


def claim(conn: Connection, message: Row, *, version: int, lease_s: float) -> Row | None:
    """Takes all that waits, as one change to this version: what the incident is like now.

    None when this version was told, or tried to be: nothing is sent twice because an older one came late.
    """
    conn.execute(
        "UPDATE notification SET status = 'superseded', ended_at = now()"
        " WHERE message_id = %s AND status IN ('pending', 'held') AND version < %s",
        (message["id"], version),
    )
    row = conn.execute(
        "INSERT INTO notification AS one (workspace_id, message_id, version, status, attempts)"
        " VALUES (%s, %s, %s, 'sending', 1) ON CONFLICT (message_id, version)"
        " DO UPDATE SET status = 'sending', attempts = one.attempts + 1"
        " WHERE one.status IN ('pending', 'held') RETURNING *",
        (message["workspace_id"], message["id"], version),
    ).fetchone()
    if row is None:
        return None
    leased = conn.execute(
        "UPDATE notification_message SET leased_until = now() + make_interval(secs => %s), tries = tries + 1,"
        " astray = CASE WHEN ts IS NULL THEN coalesce(astray, now()) END"
        " WHERE id = %s RETURNING leased_until, tries",
        (lease_s, message["id"]),
    ).fetchone()
    return {**row, **(leased or {})}


def end(conn: Connection, change: Row, *, status: str, outcome: Any, pause_s: float | None) -> None:
    """What came of an attempt. Whoever took it for lost meanwhile was wrong."""
    conn.execute(
        "UPDATE notification SET status = %(status)s, last_status = %(http)s, last_error = %(error)s,"
        " ended_at = CASE WHEN %(status)s NOT IN ('pending', 'held') THEN now() END"
        " WHERE id = %(id)s AND status IN ('sending', 'unknown')",
        {"id": change["id"], "status": status, "http": outcome.http_status, "error": outcome.error},
    )
    conn.execute(
        "UPDATE notification_message SET tries = CASE WHEN %(again)s THEN tries ELSE 0 END,"
        # Its own lease only: another may have been given since.
        " leased_until = CASE WHEN leased_until = %(lease)s THEN NULL ELSE leased_until END,"
        " next_attempt_at = now() + make_interval(secs => %(pause_s)s),"
        " told_version = CASE WHEN %(told)s THEN greatest(told_version, %(version)s) ELSE told_version END,"
        " place = CASE WHEN %(lost)s THEN NULL ELSE coalesce(%(place)s, place) END,"
        " ts = CASE WHEN %(lost)s THEN NULL ELSE coalesce(%(ts)s, ts) END,"
        " astray = CASE WHEN %(lost)s OR coalesce(%(ts)s, ts) IS NOT NULL THEN NULL ELSE astray END"
        " WHERE id = %(message)s",
        {
            "message": change["message_id"],
            "again": status in ("pending", "held"),
            "lease": change["leased_until"],
            "pause_s": pause_s or 0.0,
            "told": status in ("sent", "unknown"),
            "version": change["version"],
            "lost": outcome.lost,
            "place": outcome.place,
            "ts": outcome.ts,
        },
    )


def note_channel(conn: Connection, channel_id: UUID, *, error: str | None, busy_s: float | None) -> None:
    """What its owner sees of the latest attempt; nothing goes there while its receiver asked for a pause."""
    conn.execute(
        "UPDATE notification_channel SET last_error = %s,"
        " busy_until = CASE WHEN %s::float8 IS NULL THEN busy_until"
        "              ELSE greatest(busy_until, now() + make_interval(secs => %s)) END WHERE id = %s",
        (error, busy_s, busy_s or 0.0, channel_id),
    )


def begin_again(conn: Connection, notification_id: UUID) -> UUID | None:
    """Gives an ended change all its attempts again; its message, None where it has not ended or went well."""
    row = conn.execute(
        "UPDATE notification SET status = 'pending', ended_at = NULL WHERE id = %s"
        " AND status IN ('failed', 'unknown', 'cancelled') RETURNING message_id",
        (notification_id,),
    ).fetchone()
    if row is None:
        return None
    conn.execute(
        "UPDATE notification_message SET tries = 0, next_attempt_at = now() WHERE id = %s",
        (row["message_id"],),
    )
    return UUID(str(row["message_id"]))
