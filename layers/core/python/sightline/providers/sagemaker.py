"""The Embedder port over SageMaker Runtime: one InvokeEndpoint per contact sheet or list of texts."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from sightline.contracts.inference import (
    JPEG,
    JSON,
    MAX_BODY_BYTES,
    NPY,
    Call,
    EmbeddingHeader,
    ImageRequest,
    ModelPin,
    SheetLayout,
    TextRequest,
    TextTask,
    decode_npy,
)
from sightline.errors import EndpointRefusedError, EndpointUnavailableError, ModelRevisionGoneError
from sightline.ports.inference import Embedding
from sightline.providers.circuit import Circuit
from sightline.providers.sagemaker_calls import EndpointCalls, Patience

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Answer = tuple[EmbeddingHeader, NDArray[np.float16]]

# A question is asked behind API Gateway, which gives up after 30 s. A sheet may wait in the endpoint's queue
# for 55 s; Step Functions tries again after that.
TEXTS = Patience(within_s=20, read_s=10)
SHEETS = Patience(within_s=90, read_s=60, connect_s=5)
# Alerts are judged by rules where no model answers, so they wait little: a queue waits behind them. A call of
# 32 long texts takes a CPU about a second; the endpoint turns away what it could not answer in four.
ALERTS = Patience(within_s=5, read_s=4, connect_s=1, at_once=32)


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
        self,
        *,
        endpoint_name: str,
        model: str,
        task: TextTask = "embed_text",
        texts_kept: int = 1024,
        kept_s: float = 300,
        patience: Patience = TEXTS,
        circuit: Circuit | None = None,
    ) -> None:
        self._pin, self._task, self._at_once = ModelPin(model=model), task, patience.at_once
        self._cache = TextVectors(size=texts_kept, keep_s=kept_s)
        circuit = circuit or Circuit()
        self._texts = EndpointCalls(endpoint_name, circuit, patience)
        self._sheets = EndpointCalls(endpoint_name, circuit, SHEETS)

    def embed_texts(self, texts: Sequence[str], *, within_s: float | None = None) -> Embedding:
        """One vector per text; texts asked before are answered from memory."""
        known = self._cache.find(texts)
        if known is None:
            distinct = list(dict.fromkeys(texts))
            until = None if within_s is None else time.monotonic() + within_s
            header, vectors = self._ask_texts(distinct, until)
            rows = dict(zip(distinct, vectors, strict=True))
            self._cache.keep(header, rows)
        else:
            header, rows = known
        return as_embedding(header, np.stack([rows[text] for text in texts]))

    def embed_images(self, images: Sequence[str]) -> Embedding:
        """One vector per picture, each a whole file in base64."""
        body = picture_body(list(images), self._pin)
        request = {"Body": body, "ContentType": JSON}
        with wrong_model_refused(None):
            return as_embedding(*self._invoke(self._texts, len(images), Call.to_attributes, **request))

    def embed_sheet(self, jpeg: bytes, layout: SheetLayout, *, revision: str | None = None) -> Embedding:
        """One vector per tile, in reading order; of this revision and no other, if one is given."""
        if len(jpeg) > MAX_BODY_BYTES:
            raise EndpointRefusedError(f"a sheet of {len(jpeg)} bytes is larger than an endpoint takes")
        pin = self._pin.model_copy(update={"revision": revision})

        def attributes(call: Call) -> str:
            return layout.to_attributes(pin, call)

        request = {"Body": jpeg, "ContentType": JPEG}
        with wrong_model_refused(revision):
            return as_embedding(*self._invoke(self._sheets, layout.tiles, attributes, **request))

    def close(self) -> None:
        """Closes the connections that were opened."""
        self._texts.close()
        self._sheets.close()

    def _ask_texts(self, texts: list[str], until: float | None) -> Answer:
        answers = []
        for start in range(0, len(texts), self._at_once):
            part = texts[start : start + self._at_once]
            body = text_body(part, self._pin, self._task)
            request = {"Body": body, "ContentType": JSON, "until": until}
            with wrong_model_refused(None):
                answers.append(self._invoke(self._texts, len(part), Call.to_attributes, **request))
        if len({header.revision for header, _ in answers}) > 1:
            raise EndpointUnavailableError("the endpoint changed its model between two calls")
        return answers[0][0], np.concatenate([vectors for _, vectors in answers])

    def _invoke(
        self, calls: EndpointCalls, rows: int, attributes: Callable[[Call], str], **request: Any
    ) -> Answer:
        """One call, `rows` vectors. Raises: EndpointUnavailableError, EndpointRefusedError."""
        said, body = calls.ask(attributes=attributes, Accept=NPY, **request)
        try:
            header = EmbeddingHeader.parse(said)
            return header, decode_npy(body, rows=rows, dim=header.dim)
        except ValueError as error:
            raise EndpointRefusedError("the endpoint's answer is not of the agreed form") from error


def text_body(texts: list[str], pin: ModelPin, task: TextTask = "embed_text") -> bytes:
    """The JSON request. Raises: EndpointRefusedError, for what the endpoint would refuse."""
    try:
        request = TextRequest(task=task, texts=texts, model=pin.model, revision=pin.revision)
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
def wrong_model_refused(revision: str | None) -> Iterator[None]:
    """Where no revision was pinned, another model than ours is a mistake in the settings."""
    try:
        yield
    except ModelRevisionGoneError as error:
        if revision is None:
            raise EndpointRefusedError(error.detail) from error
        raise


def as_embedding(header: EmbeddingHeader, vectors: NDArray[np.float16]) -> Embedding:
    """The port's shape."""
    return Embedding(model_id=header.model, revision=header.revision, dim=header.dim, vectors=vectors)
