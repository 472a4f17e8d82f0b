"""What a family must offer: prepare (any thread) -> forward (one batch, across requests) -> unit vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from sightline.contracts.inference import SheetLayout

Vectors = npt.NDArray[np.float32]


class TextModel(Protocol):
    """Embeds sentences."""

    model_id: str
    revision: str
    precision: str
    dim: int

    def prepare_texts(self, texts: Sequence[str]) -> Sequence[Any]: ...
    def forward_texts(self, prepared: Sequence[Any]) -> Vectors: ...


@runtime_checkable
class ImageModel(TextModel, Protocol):
    """Embeds tiles too, into the same space."""

    def prepare_images(self, jpeg: bytes, layout: SheetLayout) -> Sequence[Any]: ...
    def forward_images(self, tiles: Sequence[Any]) -> Vectors: ...
