"""Every minute: ends snoozes, resolves what is quiet, tells what was lost, forgets what is old."""

from typing import Any

from sightline.batch import schedule_handler
from sightline.incidents.grouping.upkeep import sweep
from sightline.incidents.retention.pipeline import sweep as forget
from sightline.wiring import events


def look_after_incidents() -> dict[str, Any]:
    """One round."""
    done = sweep(events=events())  # first: what is old can wait, what is open cannot
    return done | {"gone": forget()}


handler = schedule_handler(look_after_incidents)
