"""Removes rows, vectors and objects of deleted assets and workspaces, from a queue."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sightline.batch import queue_handler
from sightline.media.erasing import Erasers
from sightline.media.erasing import purge as erase
from sightline.scenarios.exports.rules import exports_prefix
from sightline.scenarios.exports.upkeep import erase_video
from sightline.wiring import blobs, events


def purge(message: Mapping[str, Any]) -> None:
    """One asset, or what is left of a workspace."""
    exports = Erasers([partial(erase_video, blobs=blobs())], [exports_prefix])
    erase(message, blobs=blobs(), events=events(), erasers=exports)


handler = queue_handler(purge)
