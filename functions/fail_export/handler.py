"""Where an export's machine goes when a turn fails for good: the export gets a reason its owner can read."""

from typing import Any

from sightline.batch import task_handler
from sightline.scenarios.exports.upkeep import fail_export
from sightline.wiring import blobs, events


def fail(**task: Any) -> dict[str, Any]:
    """One attempt."""
    return fail_export(**task, blobs=blobs(), events=events())


handler = task_handler(fail)
