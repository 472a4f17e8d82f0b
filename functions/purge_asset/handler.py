"""Removes rows, vectors and objects of deleted assets, from a queue."""

from collections.abc import Mapping
from typing import Any

from sightline.batch import queue_handler
from sightline.media.upkeep import purge_asset
from sightline.wiring import blobs, events


def purge(message: Mapping[str, Any]) -> None:
    """One asset."""
    purge_asset(message, blobs=blobs(), events=events())


handler = queue_handler(purge)
