"""Tries deliveries that failed every time once more, and shows their owners those that fail still."""

from collections.abc import Mapping
from typing import Any

from sightline.batch import queue_handler
from sightline.incidents.dead_letters import keep
from sightline.wiring import triage


def bury(message: Mapping[str, Any]) -> None:
    """One dead letter."""
    keep(message, take=triage().take)


handler = queue_handler(bury)
