"""/v1/webhook-endpoints and /v1/webhook-deliveries."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from sightline.http import Cursor, Limit, Principal, create_router, port, rate_limited, require_role
from sightline.outgoing import pipeline
from sightline.outgoing.schemas import (
    DeliveryAnswer,
    DeliveryPage,
    DeliveryStatus,
    EndpointAnswer,
    EndpointChange,
    EndpointPage,
    EndpointRequest,
    EndpointSecretAnswer,
    RedriveAnswer,
    RotateRequest,
)
from sightline.ports.outgoing import Vault, WebhookSender
from sightline.ports.work import DelayedQueue

router = create_router(prefix="/v1", tags=["webhooks out"])

Reader = Annotated[Principal, require_role("editor", "workspace:read")]
Admin = Annotated[Principal, require_role("admin", "workspace:write")]
Secrets = Annotated[Vault, port(Vault)]
Sender = Annotated[WebhookSender, port(WebhookSender)]
Deliveries = Annotated[DelayedQueue, port(DelayedQueue)]
_RATE = [rate_limited("webhooks-out", lambda settings: settings.write_rate_per_minute)]


@router.post("/webhook-endpoints", status_code=201, dependencies=_RATE)
def create_endpoint(
    body: EndpointRequest, principal: Admin, vault: Secrets, sender: Sender, response: Response
) -> EndpointSecretAnswer:
    """Registers a receiver; its secret is shown once."""
    response.headers["Cache-Control"] = "no-store"
    return pipeline.create_endpoint(principal, body, vault=vault, sender=sender)


@router.get("/webhook-endpoints")
def list_endpoints(principal: Reader, cursor: Cursor = None, limit: Limit = 50) -> EndpointPage:
    """Receivers, newest first."""
    return pipeline.list_endpoints(principal, cursor=cursor, limit=limit)


@router.get("/webhook-endpoints/{endpoint_id}")
def read_endpoint(endpoint_id: UUID, principal: Reader) -> EndpointAnswer:
    """One receiver."""
    return pipeline.read_endpoint(principal, endpoint_id)


@router.patch("/webhook-endpoints/{endpoint_id}")
def change_endpoint(
    endpoint_id: UUID, body: EndpointChange, principal: Admin, sender: Sender
) -> EndpointAnswer:
    """Replaces its address, description or events, or switches it off and on."""
    return pipeline.change_endpoint(principal, endpoint_id, body, sender=sender)


@router.delete("/webhook-endpoints/{endpoint_id}", status_code=204)
def delete_endpoint(endpoint_id: UUID, principal: Admin) -> None:
    """Forgets a receiver, its secrets and its deliveries."""
    pipeline.delete_endpoint(principal, endpoint_id)


@router.post("/webhook-endpoints/{endpoint_id}/rotate", status_code=201, dependencies=_RATE)
def rotate_secret(
    endpoint_id: UUID, body: RotateRequest, principal: Admin, vault: Secrets, response: Response
) -> EndpointSecretAnswer:
    """A new secret, shown once; the old one signs beside it for a while."""
    response.headers["Cache-Control"] = "no-store"
    return pipeline.rotate_secret(principal, endpoint_id, keep_old_s=body.keep_old_s, vault=vault)


@router.post("/webhook-endpoints/{endpoint_id}/test", status_code=202, dependencies=_RATE)
def send_test(endpoint_id: UUID, principal: Admin, queue: Deliveries) -> DeliveryAnswer:
    """Sends webhook.test; the delivery tells what came of it."""
    return pipeline.send_test(principal, endpoint_id, queue=queue)


@router.get("/webhook-endpoints/{endpoint_id}/deliveries")
def list_deliveries(
    endpoint_id: UUID,
    principal: Reader,
    status: Annotated[DeliveryStatus | None, Query(description="failed: what ended without success.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DeliveryPage:
    """What was sent to a receiver, newest first."""
    return pipeline.list_deliveries(principal, endpoint_id, status=status, cursor=cursor, limit=limit)


@router.post("/webhook-endpoints/{endpoint_id}/redrive", status_code=202, dependencies=_RATE)
def redrive(endpoint_id: UUID, principal: Admin, queue: Deliveries) -> RedriveAnswer:
    """Begins the deliveries that failed for good again, oldest first, a hundred at a time."""
    return pipeline.redrive(principal, endpoint_id, queue=queue)


@router.get("/webhook-deliveries/{delivery_id}")
def read_delivery(delivery_id: UUID, principal: Reader) -> DeliveryAnswer:
    """One delivery with its latest attempts."""
    return pipeline.read_delivery(principal, delivery_id)


@router.post("/webhook-deliveries/{delivery_id}/resend", status_code=202, dependencies=_RATE)
def resend(delivery_id: UUID, principal: Admin, queue: Deliveries) -> DeliveryAnswer:
    """The same message once more, with all its attempts."""
    return pipeline.resend(principal, delivery_id, queue=queue)
