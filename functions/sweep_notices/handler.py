"""Tells what was held back until now, and begins again what was lost on the way; runs on a schedule."""

from typing import Any

from sightline.batch import schedule_handler
from sightline.incidents.notices.upkeep import sweep
from sightline.wiring import notices


def look_after_notices() -> dict[str, Any]:
    """One round."""
    return sweep(queue=notices())


handler = schedule_handler(look_after_notices)
