"""Applies a kept concept to everything that is indexed, a page of videos a message."""

from collections.abc import Mapping
from typing import Any

from sightline.batch import queue_handler
from sightline.scenarios.concepts.applying import apply_concept
from sightline.wiring import applications


def apply(message: Mapping[str, Any]) -> None:
    """One page."""
    apply_concept(message, queue=applications())


handler = queue_handler(apply)
