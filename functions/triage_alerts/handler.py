"""Reads deliveries of monitoring tools into alerts, from a queue."""

from collections.abc import Mapping
from typing import Any

from sightline.batch import queue_handler
from sightline.incidents.triage import take_delivery
from sightline.wiring import blobs, sns_pages


def triage(message: Mapping[str, Any]) -> None:
    """One delivery."""
    take_delivery(message, blobs=blobs(), pages=sns_pages())


handler = queue_handler(triage)
