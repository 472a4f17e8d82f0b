"""Where the pipeline goes when a step fails for good: the asset gets a reason its owner can read."""

from typing import Any

from sightline.batch import task_handler
from sightline.media.indexing import fail_asset
from sightline.wiring import events


def fail(**task: Any) -> dict[str, Any]:
    """One run."""
    return fail_asset(**task, events=events())


handler = task_handler(fail)
