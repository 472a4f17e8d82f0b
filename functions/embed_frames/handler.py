"""Step 3 of the pipeline: turns one contact sheet into vectors."""

from typing import Any

from sightline.batch import task_handler
from sightline.media.embedding import embed_frames
from sightline.wiring import blobs, embedder


def embed(**task: Any) -> dict[str, Any]:
    """One sheet."""
    return embed_frames(**task, blobs=blobs(), embedder=embedder())


handler = task_handler(embed)
