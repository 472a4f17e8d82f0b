"""Concepts as searches use them."""

import numpy as np

from sightline.database import Connection
from sightline.scenarios.concepts import applied_store
from sightline.scenarios.legs import ConceptWeights
from sightline.vectors.spaces import Space


class KeptConcepts:
    """Finds the kept version of a concept."""

    def find(self, conn: Connection, *, concept: str, space: Space) -> ConceptWeights | None:
        """By name or id; None where none is kept for this space's model."""
        row = applied_store.find_kept(conn, name_or_id=concept, model_id=space.model_id, dim=space.dim)
        return ConceptWeights(np.asarray(row["weights"], np.float32), row["bias"]) if row else None
