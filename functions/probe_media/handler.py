"""Step 1 of the pipeline: looks into an upload, refuses what cannot be indexed, plans the rest."""

from typing import Any

from sightline.batch import task_handler
from sightline.media.steps import probe_media
from sightline.wiring import blobs


def probe(**task: Any) -> dict[str, Any]:
    """One asset."""
    return probe_media(**task, blobs=blobs())


handler = task_handler(probe)
