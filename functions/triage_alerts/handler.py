"""Reads deliveries of monitoring tools into alerts, and alerts into incidents, from a queue."""

from collections.abc import Mapping
from typing import Any

from sightline.batch import queue_handler
from sightline.incidents.judging import Judges
from sightline.incidents.triage import Triage
from sightline.wiring import blobs, classifier, document_embedder, entity_tagger, events, sns_pages


def take(message: Mapping[str, Any]) -> None:
    """One delivery."""
    judges = Judges(classifier=classifier(), tagger=entity_tagger(), embedder=document_embedder())
    Triage(blobs=blobs(), pages=sns_pages(), judges=judges, events=events()).take(message)


handler = queue_handler(take)
