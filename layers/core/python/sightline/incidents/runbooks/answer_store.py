"""SQL of questions, answers and what was thought of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from sightline.database import Connection, Row

CLAIM_S = 90
"""How long a question belongs to the function that took it: longer than that may run."""


def add_question(conn: Connection, values: Mapping[str, Any]) -> Row:
    """A question that waits to be answered."""
    row = conn.execute(
        "INSERT INTO copilot_answer (workspace_id, conversation, incident_id, question, created_by)"
        " VALUES (%(workspace_id)s, %(conversation)s, %(incident_id)s, %(question)s, %(created_by)s)"
        " RETURNING *",
        values,
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of one inserted row
    return row


def answer(conn: Connection, answer_id: UUID) -> Row | None:
    return conn.execute("SELECT * FROM copilot_answer WHERE id = %s", (answer_id,)).fetchone()


def sentences(conn: Connection, answer_id: UUID, *, after: int) -> list[Row]:
    """In order, those after a number."""
    return conn.execute(
        "SELECT no, text, citations FROM copilot_sentence WHERE answer_id = %s AND no > %s ORDER BY no",
        (answer_id, after),
    ).fetchall()


def hand_over_again(conn: Connection, answer_id: UUID, *, after_s: float) -> bool:
    """Whether a question that nobody took has waited so long that its message may be lost."""
    told = conn.execute(
        "UPDATE copilot_answer SET handed_at = now() WHERE id = %s AND status IN ('queued', 'working')"
        " AND coalesce(claimed_until, created_at) < now()"
        " AND handed_at < now() - make_interval(secs => %s)",
        (answer_id, after_s),
    )
    return told.rowcount == 1


def claim(conn: Connection, answer_id: UUID) -> Row | None:
    """The question, ours for a while; None when it is answered or another's."""
    return conn.execute(
        "UPDATE copilot_answer SET status = 'working', attempts = attempts + 1,"
        " claimed_until = now() + make_interval(secs => %s)"
        " WHERE id = %s AND (status = 'queued' OR status = 'working' AND claimed_until < now()) RETURNING *",
        (CLAIM_S, answer_id),
    ).fetchone()


def release(conn: Connection, answer_id: UUID) -> None:
    """For the next delivery, which comes because this one failed."""
    conn.execute(
        "UPDATE copilot_answer SET claimed_until = now() WHERE id = %s AND status = 'working'", (answer_id,)
    )


def before(conn: Connection, asked: Row, *, limit: int) -> list[Row]:
    """What was asked in the conversation before, newest first."""
    return conn.execute(
        "SELECT id, question, subject, status FROM copilot_answer WHERE conversation = %s AND id < %s"
        " ORDER BY id DESC LIMIT %s",
        (asked["conversation"], asked["id"], limit),
    ).fetchall()


def conversation_of(conn: Connection, conversation: UUID) -> Row | None:
    """Any question of it; None where there is none of this workspace."""
    return conn.execute(
        "SELECT incident_id FROM copilot_answer WHERE conversation = %s LIMIT 1", (conversation,)
    ).fetchone()


def add_sentence(
    conn: Connection, asked: Row, no: int, text: str, citations: Sequence[Mapping[str, Any]]
) -> None:
    """A sentence that holds; written again, it is there once."""
    conn.execute(
        "INSERT INTO copilot_sentence (workspace_id, answer_id, no, text, citations)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (asked["workspace_id"], asked["id"], no, text, Jsonb(list(citations))),
    )


def finish(conn: Connection, answer_id: UUID, *, status: str, values: Mapping[str, Any]) -> None:
    """The end of an answer."""
    conn.execute(
        "UPDATE copilot_answer SET status = %(status)s, subject = %(subject)s, writer = %(writer)s,"
        " notes = %(notes)s, dropped = %(dropped)s, claimed_until = NULL, finished_at = now()"
        " WHERE id = %(id)s AND status = 'working'",
        {**values, "status": status, "id": answer_id},
    )


def fail(conn: Connection, answer_id: UUID, why: str) -> None:
    """The end of a question that cannot be answered."""
    conn.execute(
        "UPDATE copilot_answer SET status = 'failed', notes = ARRAY[%s], claimed_until = NULL,"
        " finished_at = now() WHERE id = %s AND status = 'working'",
        (why, answer_id),
    )


def give_feedback(conn: Connection, values: Mapping[str, Any]) -> Row:
    """One judgement per answer and person; the last one counts."""
    row = conn.execute(
        "INSERT INTO copilot_feedback (workspace_id, answer_id, given_by, verdict, note)"
        " VALUES (%(workspace_id)s, %(answer_id)s, %(given_by)s, %(verdict)s, %(note)s)"
        " ON CONFLICT (answer_id, given_by) DO UPDATE SET verdict = excluded.verdict, note = excluded.note,"
        " given_at = now() RETURNING answer_id, verdict, note, given_at",
        values,
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of one upserted row
    return row


_COUNTS = (
    "count(*) FILTER (WHERE verdict = 'useful')::int AS useful,"
    " count(*) FILTER (WHERE verdict = 'wrong')::int AS wrong"
)


def feedback_totals(conn: Connection, since: datetime) -> Row:
    row = conn.execute(
        f"SELECT {_COUNTS} FROM copilot_feedback WHERE given_at >= %s",  # noqa: S608 - a constant of ours
        (since,),
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return row


def feedback_by_runbook(conn: Connection, since: datetime, *, limit: int) -> list[Row]:
    """Answers by the runbooks they cite, the most complained of first."""
    return conn.execute(
        f"SELECT collection, path, {_COUNTS} FROM ("  # noqa: S608 - a constant of ours
        "  SELECT DISTINCT given.answer_id, given.given_by, given.verdict,"
        "         cited ->> 'collection' AS collection, cited ->> 'path' AS path"
        "  FROM copilot_feedback AS given JOIN copilot_sentence USING (answer_id),"
        "       jsonb_array_elements(citations) AS cited WHERE given.given_at >= %s) AS judged"
        " GROUP BY collection, path ORDER BY wrong DESC, useful DESC, collection, path LIMIT %s",
        (since, limit),
    ).fetchall()


def feedback_by_day(conn: Connection, since: datetime) -> list[Row]:
    """In UTC, oldest first."""
    return conn.execute(
        f"SELECT to_char(given_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, {_COUNTS}"  # noqa: S608
        " FROM copilot_feedback WHERE given_at >= %s GROUP BY 1 ORDER BY 1",
        (since,),
    ).fetchall()


def latest_feedback(conn: Connection, since: datetime, *, limit: int) -> list[Row]:
    """Newest first."""
    return conn.execute(
        "SELECT answer_id, verdict, note, given_at FROM copilot_feedback WHERE given_at >= %s"
        " ORDER BY given_at DESC, answer_id LIMIT %s",
        (since, limit),
    ).fetchall()
