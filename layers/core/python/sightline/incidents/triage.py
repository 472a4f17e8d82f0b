"""What becomes of a delivery: kept whole, read by its sender's map, judged, and counted once."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from sightline.database import Connection, Row, transaction
from sightline.errors import NotFoundError
from sightline.incidents import rules, store
from sightline.incidents.schemas import NewAlert
from sightline.incidents.senders import sender
from sightline.incidents.senders.mapping import AlertMap, UnparsedError
from sightline.incidents.sns import is_sns_address
from sightline.ports import Blobs, Pages
from sightline.telemetry import logger

CLOCK_SKEW_S = 300
"""Seconds by which a sender's clock may be ahead of ours; a time beyond is replaced by ours."""


def take_delivery(message: Mapping[str, Any], *, blobs: Blobs, pages: Pages) -> None:
    """One message of the intake, or one that asks for a stored delivery to be read again.

    A second hand-over of the same changes nothing. Raises: NotFoundError when the body of a long delivery is
    gone, DatabaseUnavailableError.
    """
    if "replay" in message:
        read_again(message["workspace_id"], UUID(message["replay"]))
        return
    body = body_of(message, blobs=blobs)
    if message["headers"].get("x-amz-sns-message-type") == "SubscriptionConfirmation":
        _subscribe(message, body, pages=pages)
    with transaction(message["workspace_id"]) as conn:
        source = store.any_source(conn, message["source_id"])
        if source is None:
            # Its workspace was erased while the delivery waited: there is nobody to keep it for.
            logger.warning("delivery of a source that is gone", source_id=message["source_id"])
            return
        delivery = _kept(conn, message, body)
        if delivery is not None:
            _read(conn, source, delivery)


def _subscribe(message: Mapping[str, Any], body: bytes, *, pages: Pages) -> None:
    """Tells Amazon SNS that its topic may deliver; asking for the address twice changes nothing."""
    address = json.loads(body).get("SubscribeURL")
    if message["trust"] == "signed" and isinstance(address, str) and is_sns_address(address):
        pages.fetch(address)
    else:
        logger.warning("subscription not confirmed", source_id=message["source_id"], trust=message["trust"])


def body_of(message: Mapping[str, Any], *, blobs: Blobs) -> bytes:
    """What was sent: in the message, or in S3 where it was long."""
    if "body_key" in message:
        return blobs.get(message["body_key"])
    if "body_base64" in message:
        return base64.b64decode(message["body_base64"])
    return str(message["body"]).encode()


def _kept(conn: Connection, message: Mapping[str, Any], body: bytes) -> dict[str, Any] | None:
    """The delivery's row; None when it was taken before. A sender's second attempt is kept and not read."""
    values = {
        "id": UUID(message["delivery_id"]),
        "workspace_id": UUID(message["workspace_id"]),
        "source_id": message["source_id"],
        "trust": message["trust"],
        "headers": message["headers"],
        "raw_payload": body,
        "sender_key": rules.sender_key(message["headers"]),
        "outcome": "no_alerts",
        "received_at": datetime.fromtimestamp(message["received_s"], UTC),
    }
    if store.add_delivery(conn, values):
        return values
    if store.delivery(conn, values["id"]) is None:
        store.add_delivery(conn, values | {"outcome": "repeated"})
    return None


def read_again(workspace_id: str, delivery_id: UUID) -> None:
    """Reads a stored delivery once more, with the maps of today. Raises: NotFoundError."""
    with transaction(workspace_id) as conn:
        delivery = store.delivery(conn, delivery_id)
        if delivery is None:
            raise NotFoundError
        source = store.any_source(conn, delivery["source_id"])
        if source is not None:
            _read(conn, source, delivery)


def _read(conn: Connection, source: Row, delivery: Mapping[str, Any]) -> None:
    """Its alerts into their rows, or the reason why there are none on the delivery."""
    try:
        payload = payload_of(bytes(delivery["raw_payload"]))
        found = map_of(source).read(payload, delivery["headers"])
    except UnparsedError as error:
        store.close_delivery(conn, delivery["id"], outcome="unparsed", reason=str(error), alerts=0)
        return
    names = [name for alert in found for name in (alert.external_id, rules.fingerprint(alert))]
    store.lock_alerts(conn, source["id"], names)
    for alert in found:
        _settle(conn, source, delivery, alert)
    outcome = "alerts" if found else "no_alerts"
    store.close_delivery(conn, delivery["id"], outcome=outcome, reason=None, alerts=len(found))


def payload_of(body: bytes) -> Any:
    """JSON, or the fields of a form. Raises: UnparsedError."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise UnparsedError("it is not UTF-8") from error
    try:
        return json.loads(text)
    except RecursionError as error:
        raise UnparsedError("it is nested too deep") from error
    except ValueError:
        form = dict(parse_qsl(text, max_num_fields=200)) if "=" in text else {}
    if not form:
        raise UnparsedError("it is neither JSON nor a form" if text.strip() else "it is empty")
    return form


def map_of(source: Row) -> AlertMap:
    """Its sender's, or the one its owner wrote."""
    written = source["settings"].get("map")
    return AlertMap.model_validate(written) if written else sender(source["platform"])


def _settle(conn: Connection, source: Row, delivery: Mapping[str, Any], alert: NewAlert) -> None:
    """A new alert, one more of a known one, or its end; whichever of them arrives first."""
    at = _moment(alert.occurred_at, delivery["received_at"])
    mark = {"at": at, "delivery_id": delivery["id"]}
    print_ = rules.fingerprint(alert)
    known = store.latest_alert(conn, source["id"], external_id=alert.external_id, fingerprint=print_)
    firing = known is not None and known["status"] == "firing"
    if alert.recovered:
        if known and firing and at >= known["last_occurred_at"]:
            store.recover(conn, known["id"], **mark)
        store.remember_recovery(
            conn,
            workspace_id=source["workspace_id"],
            source_id=source["id"],
            external_id=alert.external_id,
            at=at,
        )
    elif known and (firing or at <= known["recovered_at"]):
        if delivery["outcome"] != "alerts":  # read again, it was counted before
            store.count_again(conn, known["id"], **mark)
    else:
        over = store.recovered_at(conn, source["id"], alert.external_id)
        ended = over if over is not None and over > at else None
        store.add_alert(conn, _row(source, delivery, alert, at) | {"recovered_at": ended} | _status(ended))


def _status(ended: datetime | None) -> dict[str, str]:
    return {"status": "recovered" if ended else "firing"}


def _moment(occurred_at: datetime | None, received_at: datetime) -> datetime:
    """By the sender's clock, unless it runs ahead."""
    if occurred_at is None or (occurred_at - received_at).total_seconds() > CLOCK_SKEW_S:
        return received_at
    return occurred_at


def _row(source: Row, delivery: Mapping[str, Any], alert: NewAlert, at: datetime) -> dict[str, Any]:
    text = f"{alert.title}\n{alert.description}"
    severity, severity_confidence = rules.severity_of(text)
    category, category_confidence = rules.category_of(text)
    return {
        "workspace_id": source["workspace_id"],
        "source_id": source["id"],
        "platform": source["platform"],
        "trust": delivery["trust"],
        "external_id": alert.external_id,
        "fingerprint": rules.fingerprint(alert),
        "title": alert.title,
        "description": alert.description,
        "severity": alert.severity or severity,
        "severity_by": rules.SENDER if alert.severity else rules.RULE,
        "severity_confidence": None if alert.severity else severity_confidence,
        "category": category,
        "category_by": rules.RULE,
        "category_confidence": category_confidence,
        "degraded": True,
        "service": alert.service,
        "host": alert.host,
        "environment": alert.environment,
        "region": alert.region,
        "url": alert.url,
        "tags": alert.tags,
        "first_delivery_id": delivery["id"],
        "last_delivery_id": delivery["id"],
        "occurred_at": at,
        "received_at": delivery["received_at"],
        "last_occurred_at": at,
    }
