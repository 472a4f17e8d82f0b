"""What a family must offer: a model has one head per task; a head prepares, runs a batch, and finishes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from sightline.contracts.inference import SheetLayout

Vectors = npt.NDArray[np.float32]
Task = Literal["embed_image", "embed_text", "embed_document", "tag_entities", "classify"]
LaneName = Literal["texts", "images"]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A contact sheet, as a request brought it."""

    jpeg: bytes
    layout: SheetLayout


@dataclass(frozen=True, slots=True)
class Pictures:
    """Whole image files, as a request brought them."""

    files: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Head:
    """How a model does one task.

    prepare: a request's payload (texts, Sheet, Pictures) to items; runs on any thread. forward: one batch of
    items, across requests, to one row per item; heads of one lane never run at once, but the checks of a
    candidate call it from a thread of their own. finish: payload, items and rows of one request to what is
    answered: an array (n, dim) for vectors, else a list, one entry a text.
    """

    task: Task
    lane: LaneName
    prepare: Callable[[Any], Sequence[Any]]
    forward: Callable[[Sequence[Any]], Any]
    finish: Callable[[Any, Sequence[Any], Any], Any]
    example: Callable[[], Any]
    """A payload that is tried before the model takes requests."""
    size: Callable[[Any], int]
    """What an item costs beside others of its lane: tokens of a text, 1 for a tile."""
    vectors: bool = True
    """Whether finish answers unit vectors of the model's dim."""


class Model(Protocol):
    """Weights in memory. `dim` is None for a model that answers no vectors."""

    model_id: str
    revision: str
    precision: str

    @property
    def dim(self) -> int | None: ...
    @property
    def tasks(self) -> Mapping[Task, Head]: ...
