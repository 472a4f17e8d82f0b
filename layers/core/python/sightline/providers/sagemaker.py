"""The Embedder port over SageMaker Runtime: one InvokeEndpoint per contact sheet or list of texts."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError, ResponseStreamingError
from botocore.exceptions import ConnectionError as BotoConnectionError
from pydantic import ValidationError

from sightline.contracts.inference import (
    JPEG,
    JSON,
    MAX_BODY_BYTES,
    MAX_TEXTS,
    NPY,
    Call,
    EmbeddingHeader,
    ImageRequest,
    ModelPin,
    SheetLayout,
    TextRequest,
    decode_npy,
)
from sightline.errors import EndpointRefusedError, EndpointUnavailableError
from sightline.ports import Embedding

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient
    from numpy.typing import NDArray

    Answer = tuple[EmbeddingHeader, NDArray[np.float16]]

# A question is asked behind API Gateway, which gives up after 30 s: two attempts must fit. A sheet may wait
# in the endpoint's queue for 55 s; Step Functions tries again after that.
TEXT_TIMEOUTS = Config(
    connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2, "mode": "standard"}
)
SHEET_TIMEOUTS = Config(
    connect_timeout=5, read_timeout=65, retries={"total_max_attempts": 2, "mode": "standard"}
)

# The endpoint refuses at once what it cannot answer by then, and drops what nobody waits for any more.
TEXT_CALL = Call(deadline_ms=9_000).to_attributes()
SHEET_CALL = Call(deadline_ms=55_000)

BUSY = frozenset(
    {
        "InternalDependencyException",
        "InternalFailure",
        "ModelNotReadyException",
        "ServiceUnavailable",
        "ThrottlingException",
        "ValidationError",  # the endpoint is missing or not in service; what we send is valid by construction
    }
)


class TextVectors:
    """Vectors of texts asked before: at most `size`, each for `keep_s` seconds, of one revision."""

    def __init__(self, *, size: int, keep_s: float) -> None:
        self._size, self._keep_s = size, keep_s
        self._rows: OrderedDict[str, tuple[float, NDArray[np.float16]]] = OrderedDict()
        self._header: EmbeddingHeader | None = None

    def find(self, texts: Sequence[str]) -> tuple[EmbeddingHeader, dict[str, NDArray[np.float16]]] | None:
        """All of the texts' vectors, or None when any is missing or too old."""
        oldest = time.monotonic() - self._keep_s
        found = {text: row for text in texts if (row := self._rows.get(text)) and row[0] >= oldest}
        if self._header is None or len(found) < len(set(texts)):
            return None
        for text in found:
            self._rows.move_to_end(text)
        return self._header, {text: row for text, (_, row) in found.items()}

    def keep(self, header: EmbeddingHeader, rows: dict[str, NDArray[np.float16]]) -> None:
        """Adds rows; another revision empties what was there, since the two do not mix."""
        if header != self._header:
            self._rows.clear()
        self._header = header
        for text, row in rows.items():
            self._rows[text] = (time.monotonic(), row)
            self._rows.move_to_end(text)
        while len(self._rows) > self._size:
            self._rows.popitem(last=False)


class SageMakerEmbedder:
    """Implements ports.Embedder. AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME points it at an endpoint on a laptop."""

    def __init__(
        self, *, endpoint_name: str, model: str, texts_kept: int = 1024, kept_s: float = 300
    ) -> None:
        self._endpoint_name = endpoint_name
        self._pin = ModelPin(model=model)
        self._cache = TextVectors(size=texts_kept, keep_s=kept_s)

    # Made when first needed: a function embeds either texts or sheets, and a client costs cold-start time.
    @cached_property
    def _text_client(self) -> SageMakerRuntimeClient:
        return boto3.client("sagemaker-runtime", config=TEXT_TIMEOUTS)

    @cached_property
    def _sheet_client(self) -> SageMakerRuntimeClient:
        return boto3.client("sagemaker-runtime", config=SHEET_TIMEOUTS)

    def embed_texts(self, texts: Sequence[str]) -> Embedding:
        """One vector per text; texts asked before are answered from memory."""
        known = self._cache.find(texts)
        if known is None:
            distinct = list(dict.fromkeys(texts))
            header, vectors = self._ask_texts(distinct)
            rows = dict(zip(distinct, vectors, strict=True))
            self._cache.keep(header, rows)
        else:
            header, rows = known
        return as_embedding(header, np.stack([rows[text] for text in texts]))

    def embed_images(self, images: Sequence[str]) -> Embedding:
        """One vector per picture, each a whole file in base64."""
        body = picture_body(list(images), self._pin)
        answer = self._invoke(self._text_client, len(images), Body=body, ContentType=JSON)
        return as_embedding(*answer)

    def embed_sheet(self, jpeg: bytes, layout: SheetLayout) -> Embedding:
        """One vector per tile, in reading order."""
        if len(jpeg) > MAX_BODY_BYTES:
            raise EndpointRefusedError(f"a sheet of {len(jpeg)} bytes is larger than an endpoint takes")
        attributes = layout.to_attributes(self._pin, SHEET_CALL)
        request = {"Body": jpeg, "ContentType": JPEG, "CustomAttributes": attributes}
        return as_embedding(*self._invoke(self._sheet_client, layout.tiles, **request))

    def close(self) -> None:
        """Closes the connections that were opened."""
        for name in ("_text_client", "_sheet_client"):
            if client := self.__dict__.pop(name, None):
                client.close()

    def _ask_texts(self, texts: list[str]) -> Answer:
        answers = []
        for start in range(0, len(texts), MAX_TEXTS):
            part = texts[start : start + MAX_TEXTS]
            request = {"Body": text_body(part, self._pin), "ContentType": JSON, "CustomAttributes": TEXT_CALL}
            answers.append(self._invoke(self._text_client, len(part), **request))
        if len({header.revision for header, _ in answers}) > 1:
            raise EndpointUnavailableError("the endpoint changed its model between two calls")
        return answers[0][0], np.concatenate([vectors for _, vectors in answers])

    def _invoke(self, client: SageMakerRuntimeClient, rows: int, **request: Any) -> Answer:
        """One call, `rows` vectors. Raises: EndpointUnavailableError, EndpointRefusedError."""
        with translated():
            answer = client.invoke_endpoint(EndpointName=self._endpoint_name, Accept=NPY, **request)
            body = answer["Body"].read()
        try:
            header = EmbeddingHeader.parse(answer["CustomAttributes"])
            return header, decode_npy(body, rows=rows, dim=header.dim)
        except (KeyError, ValueError) as error:
            raise EndpointRefusedError("the endpoint's answer is not of the agreed form") from error


def text_body(texts: list[str], pin: ModelPin) -> bytes:
    """The JSON request. Raises: EndpointRefusedError, for what the endpoint would refuse."""
    try:
        request = TextRequest(texts=texts, model=pin.model, revision=pin.revision)
    except ValidationError as error:
        raise EndpointRefusedError("a text is blank or too long") from error
    return request.model_dump_json(exclude_none=True).encode()


def picture_body(images: list[str], pin: ModelPin) -> bytes:
    """The JSON request. Raises: EndpointRefusedError, for what the endpoint would refuse."""
    fields = {"task": "embed_image", "images": images} | pin.model_dump(exclude_none=True)
    try:
        ImageRequest.model_validate(fields)
    except ValidationError as error:
        raise EndpointRefusedError("a picture is not base64") from error
    body = json.dumps(fields).encode()
    if len(body) > MAX_BODY_BYTES:
        raise EndpointRefusedError("a picture is larger than the endpoint takes")
    return body


@contextmanager
def translated() -> Iterator[None]:
    """boto3's failures as ours; anything else (a missing permission) is a fault to be seen as it is."""
    try:
        yield
    except ClientError as error:
        raise translate(error) from error
    except (BotoConnectionError, HTTPClientError, ResponseStreamingError) as error:
        raise EndpointUnavailableError(type(error).__name__) from error


def translate(error: ClientError) -> Exception:
    """What a service answer means: try again, or never with this input."""
    code = error.response.get("Error", {}).get("Code", "")
    if code in BUSY:
        return EndpointUnavailableError(f"SageMaker answered {code}")
    if code != "ModelError":
        return error
    response: dict[str, Any] = dict(error.response)
    status = int(response.get("OriginalStatusCode", 500))
    said = detail_of(str(response.get("OriginalMessage", "")))
    if status in (408, 429) or status >= 500:
        return EndpointUnavailableError(said or f"the model answered {status}")
    return EndpointRefusedError(said or f"the model answered {status}")


def detail_of(message: str) -> str:
    """The `detail` of a problem answer; empty when SageMaker cut the message short."""
    try:
        problem = json.loads(message)
    except ValueError:
        return ""
    return str(problem.get("detail", "")) if isinstance(problem, dict) else ""


def as_embedding(header: EmbeddingHeader, vectors: NDArray[np.float16]) -> Embedding:
    """The port's shape."""
    return Embedding(model_id=header.model, revision=header.revision, dim=header.dim, vectors=vectors)
