"""/v1/alert-sources, /v1/alerts, /v1/alert-deliveries and /v1/alert-dead-letters."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from sightline.contracts.intake import SourceKeys
from sightline.http import Cursor, Limit, Principal, create_router, port, rate_limited, require_role
from sightline.incidents import dead_letters, pipeline, sources
from sightline.incidents.dead_schemas import DeadLetterAnswer, DeadLetterPage, RedrivenAnswer
from sightline.incidents.schemas import (
    AlertAnswer,
    AlertPage,
    DeliveryAnswer,
    DeliveryPage,
    Outcome,
    ReplayAnswer,
    Severity,
    Status,
)
from sightline.incidents.source_schemas import (
    RotateRequest,
    SourceAnswer,
    SourceChange,
    SourcePage,
    SourceRequest,
    SourceSecretAnswer,
)
from sightline.ports.work import DeliveryQueue

router = create_router(prefix="/v1", tags=["alerts"])

Reader = Annotated[Principal, require_role("viewer", "workspace:read")]
Admin = Annotated[Principal, require_role("admin", "workspace:write")]
Keys = Annotated[SourceKeys, port(SourceKeys)]
Deliveries = Annotated[DeliveryQueue, port(DeliveryQueue)]
Word = Annotated[str | None, Query(max_length=500)]
_RATE = [rate_limited("alert-sources", lambda settings: settings.write_rate_per_minute)]


@router.post("/alert-sources", status_code=201, dependencies=_RATE)
def create_source(
    body: SourceRequest, principal: Admin, keys: Keys, queue: Deliveries, response: Response
) -> SourceSecretAnswer:
    """Lets a sender in; its address and secret, the secret this once."""
    response.headers["Cache-Control"] = "no-store"
    return sources.create_source(principal, body, keys=keys, queue=queue)


@router.get("/alert-sources")
def list_sources(principal: Reader, cursor: Cursor = None, limit: Limit = 50) -> SourcePage:
    """Senders that are let in, newest first."""
    return sources.list_sources(principal, cursor=cursor, limit=limit)


@router.post("/alert-sources/{source_id}/rotate", status_code=201, dependencies=_RATE)
def rotate_secret(
    source_id: str, body: RotateRequest, principal: Admin, keys: Keys, response: Response
) -> SourceSecretAnswer:
    """A new secret; the one before stays good until the next rotation."""
    response.headers["Cache-Control"] = "no-store"
    secret = body.secret.get_secret_value() if body.secret else None
    return sources.rotate_secret(principal, source_id, secret, keys=keys)


@router.patch("/alert-sources/{source_id}", dependencies=_RATE)
def change_source(source_id: str, body: SourceChange, principal: Admin) -> SourceAnswer:
    """Another name, or another map for what comes and what is replayed."""
    return sources.change_source(principal, source_id, body)


@router.delete("/alert-sources/{source_id}", status_code=204)
def delete_source(source_id: str, principal: Admin, keys: Keys) -> None:
    """Takes nothing more from a sender; its alerts stay."""
    sources.delete_source(principal, source_id, keys=keys)


@router.get("/alerts")
def list_alerts(
    principal: Reader,
    status: Annotated[Status | None, Query()] = None,
    severity: Annotated[Severity | None, Query()] = None,
    service: Word = None,
    source_id: Word = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> AlertPage:
    """Alerts, newest first."""
    where = {"status": status, "severity": severity, "service": service, "source_id": source_id}
    return pipeline.list_alerts(principal, where=where, cursor=cursor, limit=limit)


@router.get("/alerts/{alert_id}")
def read_alert(alert_id: UUID, principal: Reader) -> AlertAnswer:
    """One alert."""
    return pipeline.read_alert(principal, alert_id)


@router.get("/alert-deliveries")
def list_deliveries(
    principal: Reader,
    outcome: Annotated[Outcome | None, Query(description="unparsed: what no map could read.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DeliveryPage:
    """What arrived, newest first."""
    return pipeline.list_deliveries(principal, outcome=outcome, cursor=cursor, limit=limit)


@router.get("/alert-deliveries/{delivery_id}")
def read_delivery(delivery_id: UUID, principal: Reader) -> DeliveryAnswer:
    """One delivery, whole."""
    return pipeline.read_delivery(principal, delivery_id)


@router.post("/alert-deliveries/{delivery_id}/replay", status_code=202, dependencies=_RATE)
def replay(delivery_id: UUID, principal: Admin, queue: Deliveries) -> ReplayAnswer:
    """Reads a stored delivery again, with the maps of today; what was counted is not counted twice."""
    return pipeline.replay(principal, delivery_id, queue=queue)


@router.get("/alert-dead-letters")
def list_dead_letters(principal: Reader, cursor: Cursor = None, limit: Limit = 50) -> DeadLetterPage:
    """What could not be read however often it was tried, newest first."""
    return dead_letters.list_dead_letters(principal, cursor=cursor, limit=limit)


@router.get("/alert-dead-letters/{letter_id}")
def read_dead_letter(letter_id: UUID, principal: Reader) -> DeadLetterAnswer:
    """One, with what was sent."""
    return dead_letters.read_dead_letter(principal, letter_id)


@router.post("/alert-dead-letters/redrive", status_code=202, dependencies=_RATE)
def redrive_all(principal: Admin, queue: Deliveries) -> RedrivenAnswer:
    """Sends the oldest hundred again; what was read already is not read twice."""
    return dead_letters.redrive(principal, None, queue=queue)


@router.post("/alert-dead-letters/{letter_id}/redrive", status_code=202, dependencies=_RATE)
def redrive(letter_id: UUID, principal: Admin, queue: Deliveries) -> RedrivenAnswer:
    """Sends one again."""
    return dead_letters.redrive(principal, letter_id, queue=queue)
