"""Answers questions from runbooks, from a queue."""

from collections.abc import Mapping
from typing import Any

from sightline.batch import queue_handler
from sightline.incidents.runbooks.answering import Answering
from sightline.wiring import document_embedder, writers


def take(message: Mapping[str, Any]) -> None:
    """One question."""
    Answering(embedder=document_embedder(), writers=writers()).take(message)


handler = queue_handler(take)
