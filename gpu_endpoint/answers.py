"""Answers onto the wire: vectors as JSON or .npy, failures as problem+json."""

from __future__ import annotations

import json

import numpy as np
from fastapi import Request, Response

from gpu_endpoint.batching import Vectors
from gpu_endpoint.errors import EndpointError
from sightline.contracts.inference import ATTRIBUTES_HEADER, JSON, NPY, PROBLEM, EmbeddingHeader, encode_npy

RUNTIME_PREFIX = "/endpoints/"


def embedding_answer(request: Request, header: EmbeddingHeader, vectors: Vectors) -> Response:
    """float16 .npy when the caller accepts it, JSON otherwise."""
    if NPY in request.headers.get("accept", ""):
        attributes = {ATTRIBUTES_HEADER: header.to_attributes()}
        return Response(encode_npy(vectors), media_type=NPY, headers=attributes)
    rows = np.round(vectors.astype(np.float64), 6).tolist()  # six digits: the rest of float32 is noise
    return Response(json.dumps(header.model_dump() | {"vectors": rows}), media_type=JSON)


def problem_answer(request: Request, error: EndpointError) -> Response:
    """RFC 9457; on the runtime's address wrapped as SageMaker wraps what a container answers."""
    body = {
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "retryable": error.retryable,
    }
    text = json.dumps(body | ({"errors": error.errors} if error.errors else {}))
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    if request.url.path.startswith(RUNTIME_PREFIX):
        return model_error(error.status, text)
    return Response(text, error.status, media_type=PROBLEM, headers=headers)


def model_error(status: int, text: str) -> Response:
    """What InvokeEndpoint makes of a container's failure.

    Source: the ModelError shape in botocore's sagemaker-runtime service model.
    """
    body = {
        "Message": f'Received error ({status}) from primary with message "{text}".',
        "OriginalStatusCode": status,
        "OriginalMessage": text,
        "LogStreamArn": "",
    }
    return Response(json.dumps(body), 424, media_type=JSON, headers={"x-amzn-errortype": "ModelError"})
