"""Reads deliveries of monitoring tools into alerts, from a queue."""

from collections.abc import Mapping
from typing import Any

from sightline.batch import queue_handler
from sightline.incidents.judging import Judges
from sightline.incidents.triage import Triage
from sightline.wiring import blobs, classifier, entity_tagger, sns_pages


def take(message: Mapping[str, Any]) -> None:
    """One delivery."""
    judges = Judges(classifier=classifier(), tagger=entity_tagger())
    Triage(blobs=blobs(), pages=sns_pages(), judges=judges).take(message)


handler = queue_handler(take)
