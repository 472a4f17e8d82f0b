"""Every minute: ends snoozes and maintenance, resolves what is quiet, tells what was lost on the way."""

from typing import Any

from sightline.batch import schedule_handler
from sightline.incidents.grouping.upkeep import sweep
from sightline.wiring import events


def look_after_incidents() -> dict[str, Any]:
    """One round."""
    return sweep(events=events())


handler = schedule_handler(look_after_incidents)
