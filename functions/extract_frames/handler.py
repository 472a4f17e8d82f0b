"""Step 2 of the pipeline: decodes one stretch of a video into contact sheets."""

from typing import Any

from sightline.batch import task_handler
from sightline.media.steps import extract_frames
from sightline.wiring import blobs


def extract(**task: Any) -> dict[str, Any]:
    """One chunk."""
    return extract_frames(**task, blobs=blobs())


handler = task_handler(extract)
