"""/v1/incidents/retention: asked before /v1/incidents/{incident_id}, which would take it for an id."""

from typing import Annotated

from fastapi import Query

from sightline.http import Principal, create_router, rate_limited, require_role
from sightline.incidents.retention import pipeline
from sightline.incidents.retention.schemas import RetentionAnswer, RetentionBody

router = create_router(prefix="/v1", tags=["incidents"])

_RATE = [rate_limited("incidents", lambda settings: settings.write_rate_per_minute)]


@router.get("/incidents/retention")
def read_retention(
    principal: Annotated[Principal, require_role("viewer", "workspace:read")],
    days: Annotated[
        int | None, Query(ge=30, le=36_500, description="What would go if it were these.")
    ] = None,
) -> RetentionAnswer:
    """How long what is over is kept, what went so far, and what would go now; nothing is removed."""
    return pipeline.read_retention(principal, days)


@router.patch("/incidents/retention", dependencies=_RATE)
def change_retention(
    body: RetentionBody, principal: Annotated[Principal, require_role("admin", "workspace:write")]
) -> RetentionAnswer:
    """Removes incidents, alerts and deliveries that are over and older, from now on and for good."""
    return pipeline.put_retention(principal, body)
