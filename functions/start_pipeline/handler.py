"""Starts indexing when an upload has arrived: "Object Created" events of S3, through a queue."""

from collections.abc import Mapping
from typing import Any

from sightline.batch import queue_handler
from sightline.media.indexing import upload_arrived
from sightline.wiring import media_pipeline, purges


def start(event: Mapping[str, Any]) -> None:
    """One event."""
    upload_arrived(event, pipeline=media_pipeline(), purges=purges())


handler = queue_handler(start)
