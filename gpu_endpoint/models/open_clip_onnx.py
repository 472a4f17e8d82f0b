"""A pulled open_clip model: both towers as ONNX and the tokenizer in files; on a CPU no torch is needed."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gpu_endpoint.models.clip_tokenizer import ClipTokenizer, Tokens
from gpu_endpoint.models.config import ModelConfig
from gpu_endpoint.models.files import ModelFileError
from gpu_endpoint.models.heads import image_head, text_head
from gpu_endpoint.models.pictures import fit_pictures
from gpu_endpoint.models.ports import Head, Model, Task, Vectors
from gpu_endpoint.models.sessions import open_session
from gpu_endpoint.models.sheets import Pixels, cut_tiles, normalised
from sightline.contracts.inference import SheetLayout


class PulledOpenClip:
    """Tiles and sentences to unit vectors of one space, by onnxruntime."""

    def __init__(self, config: ModelConfig, folder: Path, *, threads: int) -> None:
        if config.image is None or config.dim is None:
            raise ModelFileError(f"the config of {config.id} lacks its image size or its dimension")
        self.model_id, self.dim, self.precision = config.id, config.dim, config.precision
        self.revision = config.revision()
        self._image = config.image
        self._images = open_session(config.file("images", folder), threads=threads)
        self._texts = open_session(config.file("texts", folder), threads=1)
        context = self._texts.get_inputs()[0].shape[1]
        self._tokenizer = ClipTokenizer(config.file("tokenizer", folder), context=int(context))
        self.tasks: dict[Task, Head] = {"embed_image": image_head(self), "embed_text": text_head(self)}

    def prepare_images(self, jpeg: bytes, layout: SheetLayout) -> list[Pixels]:
        """Shapes: each tile (size, size, 3)."""
        return list(cut_tiles(jpeg, layout, self._image))

    def prepare_pictures(self, files: Sequence[bytes]) -> list[Pixels]:
        """Shapes: each picture (size, size, 3)."""
        return list(fit_pictures(files, self._image))

    def forward_images(self, tiles: Sequence[Pixels]) -> Vectors:
        """Shapes: n tiles -> (n, dim)."""
        answer: Vectors = self._images.run(None, {"input": normalised(np.stack(tiles), self._image)})[0]
        return answer

    def prepare_texts(self, texts: Sequence[str]) -> list[Tokens]:
        """Token ids of each text, padded to the model's context."""
        return list(self._tokenizer(texts))

    def forward_texts(self, prepared: Sequence[Tokens]) -> Vectors:
        """Shapes: n texts -> (n, dim)."""
        answer: Vectors = self._texts.run(None, {"input": np.stack(prepared)})[0]
        return answer


def load_pulled(config: ModelConfig, folder: Path, home: Path, *, threads: int) -> Model:
    """In torch where there is a GPU and the checkpoint was kept, else by onnxruntime."""
    if "checkpoint" in config.files and on_gpu():
        from gpu_endpoint.models.open_clip_torch import load_open_clip

        return load_open_clip(config.id, home, file=config.file("checkpoint", folder), threads=threads)
    return PulledOpenClip(config, folder, threads=threads)


def on_gpu() -> bool:
    """Whether torch is installed and sees a GPU."""
    return importlib.util.find_spec("torch") is not None and bool(
        importlib.import_module("torch").cuda.is_available()
    )
