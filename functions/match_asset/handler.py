"""Runs kept concepts and standing searches on a video that became ready: asset.ready, through a queue."""

from collections.abc import Mapping
from typing import Any

from sightline.batch import queue_handler
from sightline.scenarios.concepts.applying import apply_kept_concepts
from sightline.scenarios.concepts.source import KeptConcepts
from sightline.scenarios.pipeline import Providers
from sightline.scenarios.saved.matching import Outside, asset_ready
from sightline.wiring import deliveries, embedder, events


def match(event: Mapping[str, Any]) -> None:
    """One video."""
    providers = Providers(embedder(), KeptConcepts())
    asset_ready(event, Outside(providers, events(), deliveries(), apply_kept_concepts))


handler = queue_handler(match)
