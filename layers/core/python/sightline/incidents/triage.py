"""What becomes of a delivery: kept whole, read by its sender's map, judged, and counted once."""

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from sightline.database import Row, transaction
from sightline.errors import NotFoundError
from sightline.incidents import claims, eventbridge, rules, source_store, store
from sightline.incidents.grouping import telling
from sightline.incidents.grouping.timeline_store import untold
from sightline.incidents.judging import Judges
from sightline.incidents.schemas import NewAlert
from sightline.incidents.senders import sender
from sightline.incidents.senders.mapping import AlertMap, UnparsedError
from sightline.incidents.settling import Judged, UnjudgedError, settle
from sightline.incidents.sns import is_sns_address
from sightline.ports.objects import Blobs
from sightline.ports.outgoing import Pages
from sightline.ports.work import Events
from sightline.telemetry import logger


@dataclass(frozen=True, slots=True)
class Triage:
    """Takes deliveries from the queue."""

    blobs: Blobs
    pages: Pages
    judges: Judges
    events: Events

    def take(self, message: Mapping[str, Any]) -> None:
        """One message of the intake or of EventBridge, or one that asks for what is stored to be read.

        A second hand-over of the same changes nothing. Raises: NotFoundError when the body of a long delivery
        is gone, DatabaseUnavailableError, DeliveryNotKeptError when SNS cannot be told.
        """
        if "replay" in message:
            self._again(message["workspace_id"], UUID(message["replay"]))
        elif "adopt" in message:
            self._adopt(message["adopt"], message["workspace_id"], message["source_id"])
        elif eventbridge.is_event(message):
            self._event(message)
        else:
            self._delivered(message)

    def _delivered(self, message: Mapping[str, Any]) -> None:
        """What a webhook brought."""
        delivery = {
            "id": UUID(message["delivery_id"]),
            "workspace_id": UUID(message["workspace_id"]),
            "source_id": message["source_id"],
            "trust": message["trust"],
            "headers": message["headers"],
            "raw_payload": self._body(message),
            "sender_key": rules.sender_key(message["headers"]),
            "outcome": "no_alerts",
            "received_at": datetime.fromtimestamp(message["received_s"], UTC),
        }
        if message["headers"].get("x-amz-sns-message-type") == "SubscriptionConfirmation":
            self._subscribe(delivery)
        self._read(delivery, new=True)

    def _body(self, message: Mapping[str, Any]) -> bytes:
        """What was sent: in the message, or in S3 where it was long."""
        if "body_key" in message:
            return self.blobs.get(message["body_key"])
        if "body_base64" in message:
            return base64.b64decode(message["body_base64"])
        return str(message["body"]).encode()

    def _subscribe(self, delivery: Mapping[str, Any]) -> None:
        """Tells Amazon SNS that its topic may deliver; asking for the address twice changes nothing."""
        signed = delivery["trust"] == "signed"
        address = json.loads(delivery["raw_payload"]).get("SubscribeURL") if signed else None
        if isinstance(address, str) and is_sns_address(address):
            self.pages.fetch(address)
        else:
            logger.warning("subscription not confirmed", source_id=delivery["source_id"])

    def _event(self, event: Mapping[str, Any]) -> None:
        """One of EventBridge's, to whoever claimed its origin, and what waited for them to."""
        delivery = eventbridge.claimed(event)
        if delivery is not None:
            self._read(delivery, new=True)
            self._adopt(eventbridge.origin_of(event), delivery["workspace_id"], delivery["source_id"])

    def _adopt(self, origin: str, workspace_id: UUID | str, source_id: str) -> None:
        """Reads what came before its origin was claimed; forgotten only when read."""
        while True:
            with transaction(workspace_id) as conn:
                waiting = claims.unclaimed(conn, origin, limit=eventbridge.PAGE)
            for row in waiting:
                mine = eventbridge.delivery_of(
                    json.loads(row["body"]), workspace_id=UUID(str(workspace_id)), source_id=source_id
                )
                self._read(mine, new=True)
            if not waiting:
                return
            with transaction(workspace_id) as conn:
                claims.forget_unclaimed(conn, origin, [row["event_id"] for row in waiting])

    def _again(self, workspace_id: str, delivery_id: UUID) -> None:
        """Reads a stored delivery once more, with the maps of today. Raises: NotFoundError."""
        with transaction(workspace_id) as conn:
            delivery = store.delivery(conn, delivery_id)
        if delivery is None:
            raise NotFoundError
        self._read(delivery, new=False)

    def _read(self, delivery: Mapping[str, Any], *, new: bool) -> None:
        """Its alerts into their rows, or the reason why there are none on the delivery; all or nothing."""
        with transaction(delivery["workspace_id"]) as conn:
            source = source_store.any_one(conn, delivery["source_id"])
        if source is None:
            # Its workspace was erased while the delivery waited: there is nobody to keep it for.
            logger.warning("delivery of a source that is gone", source_id=delivery["source_id"])
            return
        alerts, reason, name = _alerts_of(source, delivery)
        delivery = {**delivery, "sender_key": delivery["sender_key"] or name}
        with transaction(delivery["workspace_id"]) as conn:
            firing = store.firing(conn, source["id"], [alert.external_id for alert in alerts])
        try:
            news = _settled(source, delivery, self._judged(alerts, known=firing), reason, new=new)
        except UnjudgedError:
            news = _settled(source, delivery, self._judged(alerts), reason, new=new)
        telling.tell(delivery["workspace_id"], news, events=self.events)

    def _judged(self, alerts: Sequence[NewAlert], *, known: Collection[str] = ()) -> list[Judged]:
        """With the models' verdict on each that may be new; asked outside of any transaction."""
        fresh = [alert for alert in alerts if not alert.recovered and alert.external_id not in known]
        verdicts = dict(zip(map(id, fresh), self.judges.judge(fresh), strict=True))
        return [Judged(alert, verdicts.get(id(alert))) for alert in alerts]


def _settled(
    source: Row, delivery: Mapping[str, Any], judged: Sequence[Judged], reason: str | None, *, new: bool
) -> list[Row]:
    """Keeps the delivery and its alerts; answers the incidents that nobody was told of.

    Raises: UnjudgedError, and nothing is kept.
    """
    with transaction(delivery["workspace_id"]) as conn:
        if new and not store.keep_delivery(conn, delivery):
            # Taken before: whoever did so may have died before telling of anything.
            return untold(conn)
        changed = settle(conn, source, delivery, judged)
        outcome = "unparsed" if reason else "alerts" if judged else "no_alerts"
        store.close_delivery(conn, delivery["id"], outcome=outcome, reason=reason, alerts=len(judged))
        return untold(conn, list(changed))


def _alerts_of(source: Row, delivery: Mapping[str, Any]) -> tuple[list[NewAlert], str | None, str | None]:
    """What the delivery tells, or why nobody knows; and the name it gives itself."""
    try:
        payload = payload_of(bytes(delivery["raw_payload"]))
        seen = eventbridge.payload_within(payload, delivery["headers"], platform=source["platform"])
        sender_map = _map_of(source)
        return sender_map.read(seen, delivery["headers"]), None, sender_map.delivery_of(seen)
    except UnparsedError as error:
        return [], str(error), None


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


def _map_of(source: Row) -> AlertMap:
    """Its sender's, or the one its owner wrote."""
    written = source["settings"].get("map")
    return AlertMap.model_validate(written) if written else sender(source["platform"])
