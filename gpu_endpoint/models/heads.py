"""Heads that answer vectors, over the prepare and forward methods of a model."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from PIL import Image

from gpu_endpoint.models.files import ModelAnswerError
from gpu_endpoint.models.ports import Head, Pictures, Sheet, Task, Vectors
from sightline.contracts.inference import SheetLayout

DIGITS = 6  # the rest of float32 is noise
EXAMPLE_TEXTS = ("a car ahead",)
EXAMPLE_LAYOUT = SheetLayout(columns=1, tile_width=256, tile_height=256, tiles=1)


class EmbedsTexts(Protocol):
    """Texts to token ids, token ids to unit vectors."""

    def prepare_texts(self, texts: Sequence[str]) -> Sequence[Any]: ...
    def forward_texts(self, prepared: Sequence[Any], /) -> Vectors: ...


class EmbedsImages(Protocol):
    """A sheet to tiles, tiles to unit vectors."""

    def prepare_images(self, jpeg: bytes, layout: SheetLayout) -> Sequence[Any]: ...
    def prepare_pictures(self, files: Sequence[bytes]) -> Sequence[Any]: ...
    def forward_images(self, tiles: Sequence[Any]) -> Vectors: ...


def text_head(model: EmbedsTexts, task: Task = "embed_text") -> Head:
    """One vector per text; an item's size is its number of tokens."""
    return Head(
        task=task,
        lane="texts",
        prepare=model.prepare_texts,
        forward=sound(model.forward_texts),
        finish=stacked,
        example=lambda: EXAMPLE_TEXTS,
        size=len,
    )


def image_head(model: EmbedsImages) -> Head:
    """One vector per tile, or per picture."""

    def prepare(payload: Sheet | Pictures) -> Sequence[Any]:
        if isinstance(payload, Pictures):
            return model.prepare_pictures(payload.files)
        return model.prepare_images(payload.jpeg, payload.layout)

    return Head(
        task="embed_image",
        lane="images",
        prepare=prepare,
        forward=sound(model.forward_images),
        finish=stacked,
        example=grey_sheet,
        size=lambda _: 1,
    )


def sound(forward: Callable[[Sequence[Any]], Vectors]) -> Callable[[Sequence[Any]], Vectors]:
    """Looks at a whole batch's vectors at once, since one request's look would cost as much as a batch's."""

    def checked(items: Sequence[Any]) -> Vectors:
        """Raises: ModelAnswerError, for what is no number; a lane then tries each request apart."""
        vectors = forward(items).astype(np.float32, copy=False)
        if not math.isfinite(np.vdot(vectors, vectors)):  # a single bad value spoils the sum
            raise ModelAnswerError("a vector holds what is not a number")
        return vectors.round(DIGITS)

    return checked


def stacked(_payload: Any, _items: Sequence[Any], rows: Any) -> Vectors:
    """Shapes: n rows of dim -> (n, dim)."""
    return rows if isinstance(rows, np.ndarray) else np.stack(list(rows))


def grey_sheet() -> Sheet:
    """One grey tile."""
    jpeg = io.BytesIO()
    Image.new("RGB", (EXAMPLE_LAYOUT.tile_width, EXAMPLE_LAYOUT.tile_height), "grey").save(jpeg, "JPEG")
    return Sheet(jpeg.getvalue(), EXAMPLE_LAYOUT)
