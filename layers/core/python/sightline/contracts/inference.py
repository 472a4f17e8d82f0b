"""What goes over the wire to the inference endpoint: the requests, and how vectors come back.

One POST /invocations: texts and lists of pictures go as JSON, a contact sheet as image/jpeg with its layout
in the custom attributes header. Vectors come back as JSON, or as a float16 .npy body when the caller accepts
that; what else is answered is in inference_answers.
"""

from __future__ import annotations

import io
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)

from sightline.contracts.attributes import WireError, read_attributes, write_attributes
from sightline.contracts.base64_files import Base64File

ATTRIBUTES_HEADER = "X-Amzn-SageMaker-Custom-Attributes"
JSON = "application/json"
JPEG = "image/jpeg"
PNG = "image/png"
WEBP = "image/webp"
MULTIPART = "multipart/form-data"
NPY = "application/x-npy"
PROBLEM = "application/problem+json"

MAX_BODY_BYTES = 6 * 1024 * 1024  # InvokeEndpoint's own limit for a real-time endpoint is 6 MB
MAX_TEXTS = 256
MAX_TEXT_CHARS = 10_000
MAX_TILES = 64
MAX_IMAGES = 64
MAX_DIM = 4096
MAX_DEADLINE_MS = 60_000  # InvokeEndpoint gives up after 60 s

Vectors = npt.NDArray[np.floating[Any]]
ModelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$")]
Precision = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ,._-]{0,63}$")]
TextTask = Literal["embed_text", "embed_document", "tag_entities", "classify"]


class Shape(BaseModel):
    """Closed and frozen: a misspelt field is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


PINS = ("model", "revision", "precision", "dim")


class ModelPin(Shape):
    """Which model must answer; the endpoint refuses when it serves another. Empty: whatever it serves."""

    model: ModelName | None = None
    revision: ModelName | None = None
    precision: Precision | None = None
    dim: int | None = Field(default=None, ge=1, le=MAX_DIM)

    def differs(self, served: ModelHeader) -> str:
        """What is pinned otherwise than it is served; empty when nothing is."""
        for name in PINS:
            wanted = getattr(self, name)
            if wanted is not None and wanted != (got := getattr(served, name)):
                if got is None:
                    return f"{served.model} answers no vectors, so none of {wanted} numbers"
                return f"{served.model} is served with {name} {got}, not {wanted}"
        return ""


class TextRequest(ModelPin):
    """Texts to embed, tag or classify."""

    task: TextTask = "embed_text"
    texts: list[Annotated[str, StringConstraints(max_length=MAX_TEXT_CHARS)]] = Field(
        min_length=1, max_length=MAX_TEXTS
    )

    @field_validator("texts")
    @classmethod
    def none_blank(cls, texts: list[str]) -> list[str]:
        """A blank text has no meaning to embed; its vector would be the model's bias."""
        if any(not text.strip() for text in texts):
            raise ValueError("a text is blank")
        return texts


class ImageRequest(ModelPin):
    """Pictures to embed, each a whole JPEG, PNG or WebP file in base64."""

    task: Literal["embed_image"]
    images: list[Base64File] = Field(min_length=1, max_length=MAX_IMAGES)


class Call(Shape):
    """What a caller says about a request of any task, in the custom attributes header."""

    deadline_ms: int | None = Field(default=None, ge=1, le=MAX_DEADLINE_MS)
    request_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/=+-]{1,128}$")] | None = None
    traceparent: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{2}(-[0-9a-f]+){3}$")] | None = None

    def to_attributes(self) -> str:
        """The custom-attributes header of a JSON request."""
        return write_attributes(self.model_dump(exclude_none=True))


class SheetLayout(Shape):
    """Where the tiles lie in a contact sheet: rows of `columns` tiles, filled in reading order."""

    columns: int = Field(ge=1, le=MAX_TILES)
    tile_width: int = Field(ge=16, le=2048)
    tile_height: int = Field(ge=16, le=2048)
    tiles: int = Field(ge=1, le=MAX_TILES)

    @property
    def rows(self) -> int:
        """Rows that hold at least one tile."""
        return -(-self.tiles // self.columns)

    @property
    def sizes(self) -> frozenset[tuple[int, int]]:
        """Sheet sizes (width, height) that fit: a lone short row may be as wide as its tiles."""
        widths = {self.columns, min(self.columns, self.tiles)}
        return frozenset((count * self.tile_width, self.rows * self.tile_height) for count in widths)

    def to_attributes(self, pin: ModelPin | None = None, call: Call | None = None) -> str:
        """The custom-attributes header of a request to embed this sheet."""
        fields = {"task": "embed_image"} | self.model_dump()
        for more in (pin, call):
            fields |= more.model_dump(exclude_none=True) if more else {}
        return write_attributes(fields)

    @classmethod
    def parse(cls, attributes: str) -> Self:
        """The layout in a custom-attributes header. Raises: WireError."""
        return cls.model_validate(read_sheet_attributes(attributes)[0])


class ModelHeader(Shape):
    """Who answered. `dim` is None where no vectors are answered."""

    model: ModelName
    revision: ModelName
    precision: str
    dim: int | None


class EmbeddingHeader(ModelHeader):
    """Who answered: what every vector must be stored beside."""

    dim: int = Field(ge=1, le=MAX_DIM)

    def to_attributes(self) -> str:
        """The custom-attributes header of an .npy answer."""
        return write_attributes(self.model_dump())

    @classmethod
    def parse(cls, attributes: str) -> Self:
        """Raises: WireError, ValidationError."""
        return cls.model_validate(read_attributes(attributes))


class EmbeddingAnswer(EmbeddingHeader):
    """The JSON answer: one vector per text, tile or picture, each of length 1."""

    vectors: list[list[float]]


class Fault(Shape):
    """One field that is wrong, and how."""

    field: str
    message: str


class Problem(Shape):
    """An RFC 9457 answer of the endpoint."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    request_id: str | None = None
    retry_after_s: float | None = None
    errors: list[Fault] | None = None


def read_sheet_attributes(attributes: str) -> tuple[dict[str, str], dict[str, str]]:
    """The layout's fields and the pin's, unchecked. Raises: WireError when the task is another."""
    fields = read_attributes(attributes)
    if fields.pop("task", None) != "embed_image":
        raise WireError("a picture as the body wants task=embed_image in the custom attributes")
    take(Call, fields)
    pin = take(ModelPin, fields)
    return fields, pin


def take(shape: type[Shape], fields: dict[str, str]) -> dict[str, str]:
    """Moves the shape's fields out of `fields`."""
    return {name: fields.pop(name) for name in shape.model_fields if name in fields}


def encode_npy(vectors: Vectors) -> bytes:
    """Shapes: (n, dim) -> a float16 .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(vectors, dtype="<f2"), allow_pickle=False)
    return buffer.getvalue()


def decode_npy(body: bytes, *, rows: int, dim: int) -> npt.NDArray[np.float16]:
    """The vectors of an .npy answer: float16 of exactly (rows, dim), never an object. Raises: WireError."""
    stream = io.BytesIO(body)
    try:
        np.lib.format.read_magic(stream)
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream, max_header_size=256)
    except ValueError as error:
        raise WireError("the body is not an npy file") from error
    data = body[stream.tell() :]
    if shape != (rows, dim) or dtype != np.dtype("<f2") or fortran or len(data) != rows * dim * 2:
        raise WireError(f"expected float16 ({rows}, {dim}), got {dtype} {shape} in {len(data)} bytes")
    return np.frombuffer(data, dtype="<f2").reshape(rows, dim)
