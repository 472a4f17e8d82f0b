"""/v1/incidents/{id}/summary."""

from typing import Annotated
from uuid import UUID

from sightline.http import Cursor, Limit, Principal, create_router, port, rate_limited, require_role
from sightline.incidents.summaries import pipeline
from sightline.incidents.summaries.schemas import SummaryAnswer, SummaryPage, SummaryRequested
from sightline.ports.work import SummaryQueue

router = create_router(prefix="/v1/incidents/{incident_id}", tags=["incidents"])

Reader = Annotated[Principal, require_role("viewer", "workspace:read")]
Editor = Annotated[Principal, require_role("editor", "workspace:write")]
Summaries = Annotated[SummaryQueue, port(SummaryQueue)]
_RATE = [rate_limited("summaries", lambda settings: settings.write_rate_per_minute)]


@router.post("/summary", status_code=202, dependencies=_RATE)
def ask(incident_id: UUID, principal: Editor, queue: Summaries) -> SummaryRequested:
    """Has a summary written of what the incident is now; asking twice writes one."""
    return pipeline.ask(principal, incident_id, queue=queue)


@router.get("/summary")
def read_summary(incident_id: UUID, principal: Reader) -> SummaryAnswer:
    """The latest summary; each sentence names the alerts it rests on."""
    return pipeline.read_summary(principal, incident_id)


@router.get("/summaries")
def list_summaries(
    incident_id: UUID, principal: Reader, cursor: Cursor = None, limit: Limit = 50
) -> SummaryPage:
    """All summaries, newest first."""
    return pipeline.list_summaries(principal, incident_id, cursor=cursor, limit=limit)
