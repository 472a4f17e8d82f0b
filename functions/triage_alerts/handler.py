"""Reads deliveries of monitoring tools into alerts, from a queue."""

from collections.abc import Mapping
from typing import Any

from sightline.batch import queue_handler
from sightline.incidents.triage import take_delivery
from sightline.wiring import blobs


def triage(message: Mapping[str, Any]) -> None:
    """One delivery."""
    take_delivery(message, blobs=blobs())


handler = queue_handler(triage)
