"""What can be done with questions, their answers, and what people think of them over the API."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sightline.database import Row, transaction
from sightline.errors import NotFoundError, ValidationError
from sightline.incidents.grouping import store as incidents
from sightline.incidents.runbooks import answer_store
from sightline.incidents.runbooks.pipeline import LOST_AFTER_S, message_of
from sightline.incidents.runbooks.schemas import (
    AnswerSentence,
    CopilotAnswer,
    DailyFeedback,
    FeedbackAnswer,
    FeedbackReport,
    FeedbackRequest,
    QuestionRequest,
    RunbookFeedback,
)
from sightline.ports.work import Pause, QuestionQueue
from sightline.principal import Principal

POLL_S = (0.2, 0.3, 0.5, 1.0)
"""Pauses of a long poll; the last one goes on."""
WORKED_ON = ("queued", "working")
MAX_REPORTED = 100


def ask(principal: Principal, wanted: QuestionRequest, *, queue: QuestionQueue) -> CopilotAnswer:
    """A question that will be answered. Raises: NotFoundError, ValidationError."""
    with transaction(principal.workspace_id) as conn:
        if wanted.incident_id is not None and incidents.incident(conn, wanted.incident_id) is None:
            raise NotFoundError("There is no such incident.")
        conversation, incident_id = wanted.conversation, wanted.incident_id
        if conversation is not None and conversation != incident_id:
            known = answer_store.conversation_of(conn, conversation)
            if known is None:
                raise NotFoundError("There is no such conversation.")
            if incident_id not in (None, known["incident_id"]):
                raise ValidationError(
                    errors=[{"field": "body.conversation", "message": "It is not about this incident."}]
                )
            incident_id = known["incident_id"]
        row = answer_store.add_question(
            conn,
            {
                "workspace_id": principal.workspace_id,
                "conversation": conversation or incident_id or uuid4(),
                "incident_id": incident_id,
                "question": wanted.question,
                "created_by": principal.principal_id,
            },
        )
    queue.send(message_of(row, "answer_id"))
    return _answer(row, [], after=0)


def read_answer(
    principal: Principal,
    answer_id: UUID,
    *,
    after: int,
    wait_s: float,
    queue: QuestionQueue,
    pause: Pause,
) -> CopilotAnswer:
    """Sentences after a number, as soon as there are some or the time is over. Raises: NotFoundError.

    Between two looks no transaction is open.
    """
    waited, turn = 0.0, 0
    while True:
        row, rows, lost = _look(principal, answer_id, after)
        if lost:
            queue.send(message_of(row, "answer_id"))
        if rows or row["status"] not in WORKED_ON or waited >= wait_s:
            return _answer(row, rows, after=after)
        pause_s = min(POLL_S[min(turn, len(POLL_S) - 1)], wait_s - waited)
        pause(pause_s)
        waited, turn = waited + pause_s, turn + 1


def _look(principal: Principal, answer_id: UUID, after: int) -> tuple[Row, list[Row], bool]:
    with transaction(principal.workspace_id) as conn:
        # The state first: sentences that are written in between are then seen by the next look.
        row = answer_store.answer(conn, answer_id)
        if row is None:
            raise NotFoundError
        rows = answer_store.sentences(conn, answer_id, after=after)
        return row, rows, answer_store.hand_over_again(conn, answer_id, after_s=LOST_AFTER_S)


def _answer(row: Row, rows: list[Row], *, after: int) -> CopilotAnswer:
    shown: dict[str, Any] = {
        name: row[name] for name in CopilotAnswer.model_fields if name in row and name != "sentences"
    }
    return CopilotAnswer(
        **shown,
        done=row["status"] not in WORKED_ON,
        sentences=[AnswerSentence(**one) for one in rows],
        next_after=rows[-1]["no"] if rows else after,
    )


def give_feedback(principal: Principal, answer_id: UUID, given: FeedbackRequest) -> FeedbackAnswer:
    """Kept; the same person's last one counts. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        if answer_store.answer(conn, answer_id) is None:
            raise NotFoundError
        row = answer_store.give_feedback(
            conn,
            {
                "workspace_id": principal.workspace_id,
                "answer_id": answer_id,
                "given_by": principal.principal_id,
                "verdict": given.verdict,
                "note": given.note,
            },
        )
    return FeedbackAnswer(**row)


def feedback(principal: Principal, *, days: int) -> FeedbackReport:
    """What was thought of answers in the last days."""
    since = datetime.now(UTC) - timedelta(days=days)
    with transaction(principal.workspace_id) as conn:
        totals = answer_store.feedback_totals(conn, since)
        runbooks = answer_store.feedback_by_runbook(conn, since, limit=MAX_REPORTED)
        by_day = answer_store.feedback_by_day(conn, since)
        latest = answer_store.latest_feedback(conn, since, limit=MAX_REPORTED)
    return FeedbackReport(
        since=since,
        **totals,
        runbooks=[RunbookFeedback(**row) for row in runbooks],
        days=[DailyFeedback(**row) for row in by_day],
        latest=[FeedbackAnswer(**row) for row in latest],
    )
