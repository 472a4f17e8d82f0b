"""Answers onto the wire: vectors as .npy, everything else as JSON, failures as problem+json."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import orjson
from starlette.types import Send

from gpu_endpoint.errors import EndpointError
from sightline.contracts.inference import (
    ATTRIBUTES_HEADER,
    JSON,
    NPY,
    PROBLEM,
    EmbeddingHeader,
    ModelHeader,
    encode_npy,
)

RUNTIME_PREFIX = "/endpoints/"
RESULTS = {"tag_entities": "entities", "classify": "classes"}


@dataclass(slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    async def send(self, send: Send) -> None:
        """Writes it."""
        headers = [(name.encode(), value.encode("latin-1")) for name, value in self.headers.items()]
        headers.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def vectors_answer(accept: str, header: ModelHeader, vectors: Any) -> Answer:
    """float16 .npy when the caller accepts it, JSON otherwise."""
    if NPY in accept:
        attributes = EmbeddingHeader.model_validate(header.model_dump()).to_attributes()
        return Answer(200, encode_npy(vectors), {"content-type": NPY, ATTRIBUTES_HEADER.lower(): attributes})
    # Six digits: the rest of float32 is noise.
    return json_answer(header, "vectors", np.round(vectors.astype(np.float32, copy=False), 6))


def json_answer(header: ModelHeader, name: str, result: Any) -> Answer:
    """The result under its name, beside who answered."""
    written = orjson.dumps(result, option=orjson.OPT_SERIALIZE_NUMPY)
    return Answer(200, b'%s,"%s":%s}' % (who(header), name.encode(), written), {"content-type": JSON})


@cache
def who(header: ModelHeader) -> bytes:
    """The header's members as JSON, up to where the result's follow: few models, many answers."""
    return header.model_dump_json().encode().removesuffix(b"}")


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
    headers = {"content-type": PROBLEM}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after_s)))
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
    return Answer(424, json.dumps(body).encode(), {"content-type": JSON, "x-amzn-errortype": "ModelError"})
