"""EventBridge's events as deliveries: alarms and health of accounts, messages of partners; and whose.

They come over the queue as EventBridge sends them, without a webhook: IAM let them in. The source that has
claimed their origin takes them; what nobody has claimed waits for two weeks. Source:
https://docs.aws.amazon.com/eventbridge/latest/ref/overview.html, "AWS service event structure".
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sightline.database import Row, transaction
from sightline.errors import MalformedRequestError
from sightline.incidents import claims
from sightline.telemetry import logger

PARTNER = "aws.partner/"
DETAIL_TYPE = "x-eventbridge-detail-type"
PAGE = 100

Event = Mapping[str, Any]


def is_event(message: Mapping[str, Any]) -> bool:
    """Whether EventBridge sent it; the intake's own messages have no detail-type."""
    return "detail-type" in message and "detail" in message


def origin_of(event: Event) -> str:
    """What a source claims: a partner's event source by its name, all else by account."""
    source = str(event.get("source", ""))
    return source if source.startswith(PARTNER) else str(event.get("account", ""))


def claimed(event: Event) -> dict[str, Any] | None:
    """The event as a delivery to whoever has claimed its origin; None where it waits for somebody to.

    Raises: MalformedRequestError.
    """
    event_id, origin = event.get("id"), origin_of(event)
    if not isinstance(event_id, str) or not event_id or not origin:
        raise MalformedRequestError("The event has no id, or comes from nowhere.")
    owner = _owner(origin)
    if owner is None:
        with transaction() as conn:
            claims.keep_unclaimed(conn, origin, event_id, event)
        owner = _owner(origin)  # whoever claimed it meanwhile may have looked too early
    if owner is None:
        logger.warning("event that nobody has claimed", origin=origin, event_id=event_id)
        return None
    return delivery_of(event, workspace_id=owner["workspace_id"], source_id=owner["source_id"])


def _owner(origin: str) -> Row | None:
    with transaction() as conn:
        return claims.claimant(conn, origin)


def delivery_of(event: Event, *, workspace_id: UUID, source_id: str) -> dict[str, Any]:
    """Under a name made of the event's, so that a second hand-over is the same delivery."""
    return {
        "id": uuid5(NAMESPACE_URL, f"eventbridge:{source_id}:{event['id']}"),
        "workspace_id": workspace_id,
        "source_id": source_id,
        "trust": "signed",
        "headers": {DETAIL_TYPE: str(event["detail-type"])},
        "raw_payload": json.dumps(event, ensure_ascii=False).encode("utf-8", "replace"),
        "sender_key": str(event["id"])[:200],
        "outcome": "no_alerts",
        "received_at": datetime.now(UTC),
    }


def payload_within(payload: Any, headers: Mapping[str, str], *, platform: str) -> Any:
    """What the sender's map reads: CloudWatch's the whole event, a partner's what the partner put into it."""
    if DETAIL_TYPE in headers and platform != "cloudwatch" and isinstance(payload, dict):
        return payload.get("detail")
    return payload
