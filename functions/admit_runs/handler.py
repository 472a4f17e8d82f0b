"""Lets waiting runs begin when another one ended: asset events of the bus, through a queue."""

from collections.abc import Mapping
from typing import Any

from sightline.batch import queue_handler
from sightline.media.admission import admit
from sightline.wiring import media_pipeline


def make_room(_event: Mapping[str, Any]) -> None:
    """One event: whose it was does not matter."""
    admit(pipeline=media_pipeline())


handler = queue_handler(make_room)
