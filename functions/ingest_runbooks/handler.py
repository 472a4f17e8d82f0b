"""Reads files, ZIPs and buckets into runbooks, from a queue."""

from collections.abc import Mapping
from typing import Any

from sightline.batch import queue_handler
from sightline.incidents.runbooks.embedding import PatientEmbedder
from sightline.incidents.runbooks.ingesting import Ingesting
from sightline.wiring import document_embedder, runbook_redelivery, sources


def take(message: Mapping[str, Any]) -> None:
    """One reading."""
    Ingesting(embedder=PatientEmbedder(document_embedder()), sources=sources()).take(message)


def again(receipt: str, times: int) -> None:
    """One that failed, and that whoever failed gave back."""
    runbook_redelivery().again(receipt, times)


handler = queue_handler(take, again=again)
