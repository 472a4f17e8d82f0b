"""What can be done with runbooks and the copilot over the API."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sightline.cursor import id_in, next_page
from sightline.database import Row, transaction
from sightline.errors import NotFoundError, ValidationError
from sightline.incidents.grouping import store as incidents
from sightline.incidents.runbooks import answer_store, ingest_store, reading, store
from sightline.incidents.runbooks.schemas import (
    AnswerSentence,
    ChunkAnswer,
    CopilotAnswer,
    DailyFeedback,
    FeedbackAnswer,
    FeedbackReport,
    FeedbackRequest,
    IngestAnswer,
    IngestCounts,
    IngestRequest,
    QuestionRequest,
    RunbookAnswer,
    RunbookFeedback,
    RunbookPage,
    RunbookSummary,
)
from sightline.media.imports.rules import check_allowed, places_of
from sightline.ports import Pause, QuestionQueue, RunbookQueue
from sightline.principal import Principal
from sightline.settings import get_settings
from sightline.telemetry import logger

LOST_AFTER_S = 60.0
"""A message that nobody took in this time is handed over again by whoever asks after it."""
ENDED_AFTER_S = 600.0
"""After its claim ended: whoever read it was killed, and no delivery of its message came within that time."""
POLL_S = (0.2, 0.3, 0.5, 1.0)
"""Pauses of a long poll; the last one goes on."""
WORKED_ON = ("queued", "working")
MAX_REPORTED = 100


def ingest(principal: Principal, wanted: IngestRequest, *, queue: RunbookQueue) -> IngestAnswer:
    """A reading that waits for its turn. Raises: ForbiddenError, ValidationError."""
    kind, place, payload = _payload(principal, wanted)
    with transaction(principal.workspace_id) as conn:
        row = ingest_store.add_ingest(
            conn,
            {
                "workspace_id": principal.workspace_id,
                "collection": wanted.collection,
                "kind": kind,
                "place": place,
                "payload": payload,
                "keep_missing": wanted.keep_missing,
                "created_by": principal.principal_id,
            },
        )
    queue.send(_message(row, "ingest_id"))
    return _ingest(row)


def _payload(principal: Principal, wanted: IngestRequest) -> tuple[str, dict[str, str], bytes | None]:
    if wanted.zip is not None:
        reading.check_zip(wanted.zip)
        return "zip", {}, wanted.zip
    if wanted.files is not None:
        for place, file in enumerate(wanted.files):
            if reading.clean_path(file.path) is None:
                field = f"body.files.{place}.path"
                raise ValidationError(
                    errors=[{"field": field, "message": "It leads outside, or is too long."}]
                )
        return "files", {}, reading.pack([file.model_dump() for file in wanted.files])
    settings = get_settings()
    bucket = wanted.bucket or ""
    check_allowed(
        places_of(settings.import_buckets),
        bucket=bucket,
        keys=[wanted.prefix],
        workspace_id=principal.workspace_id,
        media_bucket=settings.media_bucket,
    )
    return "bucket", {"bucket": bucket, "prefix": wanted.prefix}, None


def read_ingest(principal: Principal, ingest_id: UUID, *, queue: RunbookQueue) -> IngestAnswer:
    """How far it is. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        row = ingest_store.ingest(conn, ingest_id)
        if row is None:
            raise NotFoundError
        lost = ingest_store.hand_over_again(conn, ingest_id, after_s=LOST_AFTER_S, ended_s=ENDED_AFTER_S)
    if lost:
        queue.send(_message(row, "ingest_id"))
    return _ingest(row)


def _message(row: Row, name: str) -> dict[str, str]:
    return {"workspace_id": str(row["workspace_id"]), name: str(row["id"])}


def _ingest(row: Row) -> IngestAnswer:
    return IngestAnswer(
        **{
            name: row[name] for name in ("id", "collection", "status", "refused", "created_at", "finished_at")
        },
        runbooks=IngestCounts(**{name: row[name] for name in IngestCounts.model_fields}),
        failure=row["failure_reason"],
    )


def list_runbooks(
    principal: Principal, *, collection: str | None, cursor: str | None, limit: int
) -> RunbookPage:
    """Newest first. Raises: InvalidCursorError."""
    before = id_in(cursor)
    with transaction(principal.workspace_id) as conn:
        rows = store.runbooks(conn, collection=collection, before=before, limit=limit + 1)
    page, more = next_page(rows, limit, "id")
    return RunbookPage(items=[RunbookSummary(**row) for row in page], next_cursor=more)


def read_runbook(principal: Principal, runbook_id: UUID) -> RunbookAnswer:
    """One runbook. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        row, pieces = store.runbook(conn, runbook_id), store.chunks(conn, runbook_id)
    if row is None:
        raise NotFoundError
    shown = {name: row[name] for name in ("id", "collection", "path", "title", "created_at", "updated_at")}
    return RunbookAnswer(**shown, text=row["content"], chunks=[ChunkAnswer(**piece) for piece in pieces])


def delete_runbook(principal: Principal, runbook_id: UUID) -> None:
    """Answers that cite it keep their quotes. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        if not store.delete_runbook(conn, runbook_id):
            raise NotFoundError
    logger.info("runbook deleted", runbook_id=str(runbook_id))


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
    queue.send(_message(row, "answer_id"))
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
            queue.send(_message(row, "answer_id"))
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
