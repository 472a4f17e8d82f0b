"""Events on an EventBridge bus."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "sightline"


class EventBridgeEvents:
    """Publishes what happened; rules on the bus decide who hears of it."""

    def __init__(self, bus: str, client: "EventBridgeClient | None" = None) -> None:
        self._bus = bus
        self._events: EventBridgeClient = client or boto3.client("events")

    def publish(self, name: str, detail: Mapping[str, Any]) -> None:
        entry = {
            "Source": SOURCE,
            "DetailType": name,
            "Detail": json.dumps(detail, default=str),
            "EventBusName": self._bus,
        }
        answer = self._events.put_events(Entries=[entry])  # type: ignore[list-item]
        if answer["FailedEntryCount"]:
            raise OSError(f"the bus refused {name}: {answer['Entries'][0].get('ErrorCode')}")
