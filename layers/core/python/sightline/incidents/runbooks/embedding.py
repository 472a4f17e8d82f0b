"""Vectors of much text: asked for in small calls, and asked for again where the endpoint is busy."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sightline.errors import EndpointUnavailableError
from sightline.ports.inference import DocumentEmbedder, Embedding

AT_ONCE = 32
"""Texts of a call. The endpoint turns away what it cannot answer in time, and a long runbook has hundreds."""
PAUSES_S = (1, 2, 4, 8, 15, 30, 30)
"""Until an endpoint that is busy or starting is asked again. A message given back would wait for an hour."""


@dataclass(frozen=True, slots=True)
class PatientEmbedder:
    """Implements ports.DocumentEmbedder for work that nobody waits for."""

    embedder: DocumentEmbedder
    pause: Callable[[float], None] = time.sleep

    def embed_texts(self, texts: Sequence[str]) -> Embedding:
        """One vector per text, all of one revision.

        Raises: EndpointUnavailableError, EndpointRefusedError.
        """
        parts = [self._asked(texts[at : at + AT_ONCE]) for at in range(0, len(texts), AT_ONCE)]
        if len({(part.model_id, part.revision) for part in parts}) > 1:
            raise EndpointUnavailableError("the endpoint changed its model between two calls")
        first = parts[0]
        vectors = np.concatenate([part.vectors for part in parts])
        return Embedding(first.model_id, first.revision, first.dim, vectors)

    def _asked(self, texts: Sequence[str]) -> Embedding:
        for pause_s in PAUSES_S:
            try:
                return self.embedder.embed_texts(texts)
            except EndpointUnavailableError:
                self.pause(pause_s)
        return self.embedder.embed_texts(texts)
