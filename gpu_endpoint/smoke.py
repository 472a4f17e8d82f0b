"""Asks a deployed endpoint one question and looks hard at the answer."""

from __future__ import annotations

import json
import math
from typing import Any

from pydantic import ValidationError

from sightline.contracts.inference import EmbeddingAnswer, ModelPin, TextRequest

TEXTS = ("a red car at a crossing", "heavy rain on the motorway at night")
SAME_LENGTH = 1e-2


class SmokeError(Exception):
    """The endpoint answers, but not as the model that was released would."""


def smoke(endpoint: Any, *, pin: ModelPin) -> EmbeddingAnswer:
    """Two texts through InvokeEndpoint, pinned to the model. Raises: SmokeError, ClientError.

    InvokeEndpoint reaches a container only once its /ping is well, so this tries that too.
    """
    request = TextRequest(texts=list(TEXTS), **pin.model_dump())
    answer = endpoint.invoke(
        body=request.model_dump_json(exclude_none=True),
        content_type="application/json",
        accept="application/json",
    )
    body = answer.body.read() if hasattr(answer.body, "read") else answer.body
    try:
        embedding = EmbeddingAnswer.model_validate(json.loads(body))
    except (ValueError, ValidationError) as error:
        raise SmokeError("the answer is not of the agreed form") from error
    if pin.differs(embedding):
        raise SmokeError(pin.differs(embedding))
    _check(embedding)
    return embedding


def _check(embedding: EmbeddingAnswer) -> None:
    vectors = embedding.vectors
    if len(vectors) != len(TEXTS) or any(len(vector) != embedding.dim for vector in vectors):
        raise SmokeError(f"{len(vectors)} vectors for {len(TEXTS)} texts, or not of {embedding.dim} numbers")
    lengths = [math.hypot(*vector) for vector in vectors]
    if any(abs(length - 1) > SAME_LENGTH for length in lengths):
        raise SmokeError("the vectors are not of length 1")
    if math.dist(*vectors) < SAME_LENGTH:
        raise SmokeError("two different texts have the same vector")
