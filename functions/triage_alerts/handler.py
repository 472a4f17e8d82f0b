"""Reads deliveries of monitoring tools into alerts, and alerts into incidents, from a queue."""

from collections.abc import Mapping
from typing import Any

from sightline.batch import queue_handler
from sightline.wiring import triage


def take(message: Mapping[str, Any]) -> None:
    """One delivery."""
    triage().take(message)


handler = queue_handler(take)
