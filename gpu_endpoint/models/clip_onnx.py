"""The embedded family: an ONNX image tower, MiniLM and a linear head into the same space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

from gpu_endpoint.models.config import ModelConfig
from gpu_endpoint.models.files import ModelFileError
from gpu_endpoint.models.heads import image_head, text_head
from gpu_endpoint.models.minilm import SentenceEncoder
from gpu_endpoint.models.pictures import fit_pictures
from gpu_endpoint.models.ports import Head, Task
from gpu_endpoint.models.sessions import open_session
from gpu_endpoint.models.sheets import Pixels, cut_tiles, normalised
from sightline.contracts.inference import SheetLayout

Vectors = npt.NDArray[np.float32]


class ClipOnnx:
    """Pictures and sentences to unit vectors of one space."""

    def __init__(
        self, config: ModelConfig, folder: Path, *, sentences: SentenceEncoder, threads: int
    ) -> None:
        self.model_id = config.id
        if config.dim is None:
            raise ModelFileError(f"the config of {config.id} does not say how long its vectors are")
        self.dim = config.dim
        self.precision = config.precision
        self.revision = f"{config.revision()}-{sentences.revision}"
        if config.image is None:
            raise ModelFileError(f"the config of {config.id} says nothing about images")
        self._image = config.image
        self._sentences = sentences
        head = load_file(config.file("text_head", folder))
        self._weight, self._bias = (np.asarray(head[name], np.float32) for name in ("weight", "bias"))
        if self._weight.shape != (config.dim, sentences.dim):
            raise ModelFileError(f"the text head of {config.id} has the shape {self._weight.shape}")
        self._session = open_session(config.file("image", folder), threads=threads)
        self._input = self._session.get_inputs()[0].name
        self.tasks: dict[Task, Head] = {"embed_image": image_head(self), "embed_text": text_head(self)}

    def prepare_images(self, jpeg: bytes, layout: SheetLayout) -> list[Pixels]:
        """Shapes: each tile (size, size, 3)."""
        return list(cut_tiles(jpeg, layout, self._image))

    def prepare_pictures(self, files: Sequence[bytes]) -> list[Pixels]:
        """Shapes: each picture (size, size, 3)."""
        return list(fit_pictures(files, self._image))

    def forward_images(self, tiles: Sequence[Pixels]) -> Vectors:
        """Shapes: n tiles -> (n, dim)."""
        batch = normalised(np.stack(tiles), self._image)
        return unit(self._session.run(None, {self._input: batch})[0])

    def prepare_texts(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids."""
        return self._sentences.prepare_texts(texts)

    def forward_texts(self, prepared: Sequence[list[int]]) -> Vectors:
        """Shapes: n texts -> (n, dim)."""
        return unit(self._sentences.forward_texts(prepared) @ self._weight.T + self._bias)


def unit(vectors: Vectors) -> Vectors:
    """Rows scaled to length 1."""
    scaled: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled
