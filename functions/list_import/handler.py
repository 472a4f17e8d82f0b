"""Step 1 of an import: lists the next page of objects and plans batches, or ends it when all is done."""

from typing import Any

from sightline.batch import task_handler
from sightline.media.imports.fetching import list_import
from sightline.wiring import events, sources


def list_page(**task: Any) -> dict[str, Any]:
    """One page."""
    return list_import(**task, sources=sources(), events=events())


handler = task_handler(list_page)
