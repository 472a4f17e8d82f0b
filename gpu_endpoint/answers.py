"""Answers onto the wire: vectors as .npy, everything else as JSON, failures as problem+json."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.types import Send

from gpu_endpoint.errors import EndpointError
from gpu_endpoint.residents import Lease
from sightline.contracts.inference import (
    ATTRIBUTES_HEADER,
    JSON,
    NPY,
    PROBLEM,
    EmbeddingHeader,
    encode_npy,
)

CONTENT_TYPE, ATTRIBUTES = b"content-type", ATTRIBUTES_HEADER.lower().encode()
RUNTIME_PREFIX = "/endpoints/"
RESULTS = {"tag_entities": "entities", "classify": "classes"}


@dataclass(slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    body: bytes
    headers: dict[bytes, bytes] = field(default_factory=dict)

    async def send(self, send: Send) -> None:
        """Writes it."""
        headers = [*self.headers.items(), (b"content-length", b"%d" % len(self.body))]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def vectors_answer(accept: str, lease: Lease, vectors: Any) -> Answer:
    """float16 .npy when the caller accepts it, JSON otherwise."""
    if NPY in accept:
        attributes = EmbeddingHeader.model_validate(lease.header.model_dump()).to_attributes()
        headers = {CONTENT_TYPE: NPY.encode(), ATTRIBUTES: attributes.encode("latin-1")}
        return Answer(200, encode_npy(vectors), headers)
    return json_answer(lease, "vectors", vectors)


def json_answer(lease: Lease, name: str, result: Any) -> Answer:
    """The result under its name, beside who answered."""
    written = orjson.dumps(result, option=orjson.OPT_SERIALIZE_NUMPY)
    who = lease.resident.as_json.removesuffix(b"}")
    return Answer(200, b'%s,"%s":%s}' % (who, name.encode(), written), {CONTENT_TYPE: JSON.encode()})


def problem_answer(path: str, request_id: str, error: EndpointError) -> Answer:
    """RFC 9457; on the runtime's address wrapped as SageMaker wraps what a container answers."""
    body: dict[str, Any] = {
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "retryable": error.retryable,
        "request_id": request_id,
    }
    headers = {CONTENT_TYPE: PROBLEM.encode()}
    if error.retry_after_s is not None:
        headers[b"retry-after"] = b"%d" % max(1, math.ceil(error.retry_after_s))
        body["retry_after_s"] = math.ceil(error.retry_after_s * 1000) / 1000
    text = json.dumps(body | ({"errors": error.errors} if error.errors else {}))
    if path.startswith(RUNTIME_PREFIX):
        return model_error(error.status, text)
    return Answer(error.status, text.encode(), headers)


def model_error(status: int, text: str) -> Answer:
    """What InvokeEndpoint makes of a container's failure.

    Source: the ModelError shape in botocore's sagemaker-runtime service model.
    """
    body = {
        "Message": f'Received error ({status}) from primary with message "{text}".',
        "OriginalStatusCode": status,
        "OriginalMessage": text,
        "LogStreamArn": "",
    }
    return Answer(
        424, json.dumps(body).encode(), {CONTENT_TYPE: JSON.encode(), b"x-amzn-errortype": b"ModelError"}
    )
