"""Last step of the pipeline: shows what was indexed, and says that the asset is ready."""

from typing import Any

from sightline.batch import task_handler
from sightline.media.indexing import finish_asset
from sightline.wiring import blobs, events


def finish(**task: Any) -> dict[str, Any]:
    """One run."""
    return finish_asset(**task, blobs=blobs(), events=events())


handler = task_handler(finish)
