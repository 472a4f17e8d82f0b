"""Looks after exports whose run was lost, and removes those whose time is over; runs on a schedule."""

from typing import Any

from sightline.batch import schedule_handler
from sightline.scenarios.exports.upkeep import sweep
from sightline.wiring import blobs, events, export_runs


def look_after_exports() -> dict[str, Any]:
    """One round."""
    return sweep(blobs=blobs(), runs=export_runs(), events=events())


handler = schedule_handler(look_after_exports)
