"""Where an import's machine goes when a step fails for good: the import gets a reason its owner can read."""

from typing import Any

from sightline.batch import task_handler
from sightline.media.imports.fetching import fail_import
from sightline.wiring import events


def fail(**task: Any) -> dict[str, Any]:
    """One attempt."""
    return fail_import(**task, events=events())


handler = task_handler(fail)
