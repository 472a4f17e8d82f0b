"""Step 2 of an import: registers a batch of objects and lets S3 copy them."""

from typing import Any

from sightline.batch import task_handler
from sightline.media.imports.fetching import fetch_objects
from sightline.wiring import blobs, sources


def fetch(**task: Any) -> dict[str, Any]:
    """One batch."""
    return fetch_objects(**task, blobs=blobs(), sources=sources())


handler = task_handler(fetch)
