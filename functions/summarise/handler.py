"""Writes what an incident is about: incident.changed through a queue, and what people ask for."""

from collections.abc import Mapping
from typing import Any

from sightline.batch import queue_handler
from sightline.incidents.summaries.summarising import take
from sightline.wiring import events, writers


def summarise(message: Mapping[str, Any]) -> None:
    """One incident."""
    take(message, writers=writers(), events=events())


handler = queue_handler(summarise)
