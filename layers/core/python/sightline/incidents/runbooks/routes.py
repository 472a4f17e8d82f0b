"""/v1/runbooks, /v1/runbook-ingests, /v1/copilot and /v1/copilot-feedback."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from sightline.http import Cursor, Limit, Principal, port, rate_limited, require_role
from sightline.incidents.runbooks import asking, pipeline
from sightline.incidents.runbooks.schemas import (
    Collection,
    CopilotAnswer,
    FeedbackAnswer,
    FeedbackReport,
    FeedbackRequest,
    IngestAnswer,
    IngestRequest,
    QuestionRequest,
    RunbookAnswer,
    RunbookPage,
)
from sightline.multipart import MULTIPART, form_body, form_route
from sightline.ports.work import Pause, QuestionQueue, RunbookQueue

# A ZIP as a file of a form.
router = APIRouter(
    prefix="/v1", tags=["runbooks"], route_class=form_route("archive", lambda archive: {"zip": archive})
)

Reader = Annotated[Principal, require_role("viewer", "workspace:read")]
Editor = Annotated[Principal, require_role("editor", "workspace:write")]
Readings = Annotated[RunbookQueue, port(RunbookQueue)]
Questions = Annotated[QuestionQueue, port(QuestionQueue)]
Waits = Annotated[Pause, port(Pause)]
_RATE = [rate_limited("runbooks", lambda settings: settings.write_rate_per_minute)]
_ASK_RATE = [rate_limited("copilot", lambda settings: settings.search_rate_per_minute)]
_FORM = form_body("archive", request="The rest of the request as JSON.", file="A ZIP of Markdown files.")
# API Gateway ends a request at 30 s.
MAX_WAIT_S = 20


@router.post(
    "/runbooks",
    status_code=202,
    dependencies=_RATE,
    openapi_extra={"requestBody": {"content": {MULTIPART: _FORM}}},
)
def ingest_runbooks(body: IngestRequest, principal: Editor, queue: Readings) -> IngestAnswer:
    """Reads files, a ZIP or a bucket into a collection: replaces what changed, deletes what vanished."""
    return pipeline.ingest(principal, body, queue=queue)


@router.get("/runbook-ingests/{ingest_id}")
def read_ingest(ingest_id: UUID, principal: Reader, queue: Readings) -> IngestAnswer:
    """How far a reading is."""
    return pipeline.read_ingest(principal, ingest_id, queue=queue)


@router.get("/runbooks")
def list_runbooks(
    principal: Reader, collection: Collection | None = None, cursor: Cursor = None, limit: Limit = 50
) -> RunbookPage:
    """Runbooks, newest first."""
    return pipeline.list_runbooks(principal, collection=collection, cursor=cursor, limit=limit)


@router.get("/runbooks/{runbook_id}")
def read_runbook(runbook_id: UUID, principal: Reader) -> RunbookAnswer:
    """A runbook as it was read, and the pieces that can be cited."""
    return pipeline.read_runbook(principal, runbook_id)


@router.delete("/runbooks/{runbook_id}", status_code=204)
def delete_runbook(runbook_id: UUID, principal: Editor) -> None:
    """No answer cites it any more; those that did keep their quotes."""
    pipeline.delete_runbook(principal, runbook_id)


@router.post("/copilot", status_code=202, dependencies=_ASK_RATE)
def ask_copilot(body: QuestionRequest, principal: Reader, queue: Questions) -> CopilotAnswer:
    """Asks the runbooks; the answer is written while you ask for it."""
    return asking.ask(principal, body, queue=queue)


@router.get("/copilot/{answer_id}")
def read_answer(
    answer_id: UUID,
    principal: Reader,
    queue: Questions,
    pause: Waits,
    after: Annotated[int, Query(ge=0, le=1000, description="next_after of the answer before.")] = 0,
    wait_s: Annotated[float, Query(ge=0, le=MAX_WAIT_S, description="Longest wait for a sentence.")] = 10,
) -> CopilotAnswer:
    """Sentences of an answer as they come: waits until there is one, or the answer is done."""
    return asking.read_answer(principal, answer_id, after=after, wait_s=wait_s, queue=queue, pause=pause)


@router.post("/copilot/{answer_id}/feedback")
def give_feedback(answer_id: UUID, body: FeedbackRequest, principal: Reader) -> FeedbackAnswer:
    """Says that an answer was useful or wrong; a person's last word counts."""
    return asking.give_feedback(principal, answer_id, body)


@router.get("/copilot-feedback")
def read_feedback(
    principal: Reader, days: Annotated[int, Query(ge=1, le=366, description="How far back.")] = 30
) -> FeedbackReport:
    """What was thought of answers: per runbook that they cite, and per day."""
    return asking.feedback(principal, days=days)
