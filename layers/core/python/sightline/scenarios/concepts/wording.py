"""A concept's own words, on their way to its training: as a vector of the model that embeds frames."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector

from sightline.database import Row
from sightline.errors import EndpointRefusedError, EndpointUnavailableError
from sightline.ports.inference import Embedder
from sightline.scenarios.composed import as_array, pack, unit, unpack
from sightline.telemetry import logger


def words_of(embedder: Embedder, concept: Row) -> dict[str, str]:
    """What the training's message carries: nothing while the model is busy, marks are enough."""
    text = concept["description"] or concept["name"]
    try:
        (vector,) = embedder.embed_texts([text]).vectors
    except (EndpointRefusedError, EndpointUnavailableError):
        logger.warning("trains without words", concept_id=str(concept["id"]))
        return {}
    return {"words": pack(HalfVector(np.asarray(vector)))}


def vector_in(message: Mapping[str, Any], *, dim: int) -> NDArray[np.float32] | None:
    """The words of a message; None where it has none, or those of another model. Shapes: (dim,)."""
    if not message.get("words"):
        return None
    vector = unit(as_array(unpack(message["words"])))
    return vector if vector.shape == (dim,) else None
