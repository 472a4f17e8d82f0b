"""One turn at an export: decodes frames and clips into its archive, until it is done or the time is up."""

from functools import partial
from typing import Any

from sightline.batch import task_handler
from sightline.scenarios.concepts.source import KeptConcepts
from sightline.scenarios.exports.picking import moments_of_search
from sightline.scenarios.exports.writing import write_export
from sightline.scenarios.pipeline import Providers
from sightline.wiring import blobs, embedder, events


def write(**task: Any) -> dict[str, Any]:
    """One turn."""
    find = partial(moments_of_search, providers=Providers(embedder(), KeptConcepts()))
    return write_export(**task, blobs=blobs(), events=events(), find=find)


handler = task_handler(write)
