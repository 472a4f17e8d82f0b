"""SQL of readings of files. Every statement runs in the caller's transaction and workspace."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from sightline.database import Connection, Row

CLAIM_S = 610
"""How long a reading belongs to the function that took it: it may run for 600 s, and its message is seen
again after 900 s (infra_cdk/runbooks.py)."""
KEPT_DAYS = 14
"""The payload of a reading that was given up stays as long as its message lies with the dead letters."""

Outcome = Literal["added", "changed", "unchanged", "deleted"]

_INGEST = (
    "id, workspace_id, collection, kind, place, keep_missing, status, added, changed, unchanged, deleted,"
    " refused, failure_code, failure_reason, created_at, handed_at, finished_at"
)


def add_ingest(conn: Connection, values: Mapping[str, Any]) -> Row:
    """A reading that waits for its turn; what was given up long ago lets its payload go."""
    conn.execute(
        "UPDATE runbook_ingest SET payload = NULL WHERE status = 'failed' AND payload IS NOT NULL"
        " AND finished_at < now() - make_interval(days => %s)",
        (KEPT_DAYS,),
    )
    row = conn.execute(
        "INSERT INTO runbook_ingest (workspace_id, collection, kind, place, payload, keep_missing,"  # noqa: S608
        " created_by) VALUES (%(workspace_id)s, %(collection)s, %(kind)s, %(place)s, %(payload)s,"
        f" %(keep_missing)s, %(created_by)s) RETURNING {_INGEST}",
        {**values, "place": Jsonb(values["place"])},
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of one inserted row
    return row


def ingest(conn: Connection, ingest_id: UUID) -> Row | None:
    return conn.execute(f"SELECT {_INGEST} FROM runbook_ingest WHERE id = %s", (ingest_id,)).fetchone()  # noqa: S608


def hand_over_again(conn: Connection, ingest_id: UUID, *, after_s: float, ended_s: float) -> bool:
    """Whether its message may be lost: nobody began it for so long, or its reader ended so long ago."""
    told = conn.execute(
        "UPDATE runbook_ingest SET handed_at = now() WHERE id = %s"
        " AND handed_at < now() - make_interval(secs => %s) AND (status = 'queued'"
        " OR status = 'working' AND claimed_until < now() - make_interval(secs => %s))",
        (ingest_id, after_s, ended_s),
    )
    return told.rowcount == 1


def begin_ingest(conn: Connection, ingest_id: UUID) -> Row | None:
    """The reading with its payload, ours for a while; None when it is over or another's.

    One that was given up begins anew: its message comes from the dead letters, because somebody sent it back.
    """
    return conn.execute(
        "UPDATE runbook_ingest SET attempts = CASE status WHEN 'failed' THEN 1 ELSE attempts + 1 END,"  # noqa: S608
        " status = 'working', failure_code = NULL, failure_reason = NULL, finished_at = NULL,"
        " claimed_until = now() + make_interval(secs => %s)"
        " WHERE id = %s AND (status = 'queued' OR status = 'working' AND claimed_until <= now()"
        " OR status = 'failed' AND given_up AND (payload IS NOT NULL OR kind = 'bucket'))"
        f" RETURNING {_INGEST}, payload, attempts",
        (CLAIM_S, ingest_id),
    ).fetchone()


def release_ingest(conn: Connection, ingest_id: UUID) -> None:
    """For the next delivery, which comes because this one failed."""
    conn.execute(
        "UPDATE runbook_ingest SET claimed_until = now() WHERE id = %s AND status = 'working'", (ingest_id,)
    )


def give_up_ingest(conn: Connection, ingest_id: UUID, *, code: str, reason: str) -> None:
    """It failed every time. Its payload stays, for whoever sends its message back."""
    conn.execute(
        "UPDATE runbook_ingest SET status = 'failed', given_up = true, failure_code = %s,"
        " failure_reason = %s, finished_at = now() WHERE id = %s AND status = 'working'",
        (code, reason, ingest_id),
    )


def end_ingest(
    conn: Connection,
    ingest_id: UUID,
    *,
    status: str,
    refused: Sequence[Mapping[str, str]] = (),
    failure: tuple[str, str] | None = None,
) -> None:
    """What came of it; the payload goes."""
    code, reason = failure or (None, None)
    conn.execute(
        "UPDATE runbook_ingest SET status = %s, refused = %s, failure_code = %s, failure_reason = %s,"
        " given_up = false, payload = NULL, finished_at = now()"
        " WHERE id = %s AND status IN ('queued', 'working')",
        (status, Jsonb(list(refused)), code, reason, ingest_id),
    )


def is_replaced(conn: Connection, job: Row) -> bool:
    """Whether a later reading of the collection was asked for: it says what is so, this one does not."""
    row = conn.execute(
        "SELECT FROM runbook_ingest WHERE collection = %s AND id > %s AND NOT keep_missing"
        " AND status IN ('queued', 'working', 'done') LIMIT 1",
        (job["collection"], job["id"]),
    ).fetchone()
    return row is not None


def count(conn: Connection, ingest_id: UUID, outcome: Outcome, number: int = 1) -> None:
    """In the transaction that did it, so that it is counted once."""
    column = sql.Identifier(outcome)
    conn.execute(
        sql.SQL("UPDATE runbook_ingest SET {0} = {0} + %s WHERE id = %s").format(column), (number, ingest_id)
    )
