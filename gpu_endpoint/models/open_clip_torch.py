"""The open_clip family: real CLIP models, in torch on a GPU and as int8 ONNX on a CPU, with one contract."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError

from gpu_endpoint.models.config import ImageInput
from gpu_endpoint.models.files import ModelFileError, built_once
from gpu_endpoint.models.heads import image_head, text_head
from gpu_endpoint.models.open_clip_import import import_open_clip, unheard
from gpu_endpoint.models.open_clip_weights import find_weights, known_weights
from gpu_endpoint.models.pictures import fit_pictures
from gpu_endpoint.models.ports import Head, Task
from gpu_endpoint.models.sessions import open_session
from gpu_endpoint.models.sheets import Pixels, cut_tiles, normalised
from sightline.contracts.inference import SheetLayout

Vectors = npt.NDArray[np.float32]
Tokens = npt.NDArray[np.int64]


class OpenClip:
    """prepare_*: the model's own preprocessing; forward_* belongs to the subclass that holds the weights."""

    def __init__(
        self, name: str, revision: str, precision: str, *, tokenizer: Any, image: ImageInput, dim: int
    ) -> None:
        self.model_id = name
        self.revision = revision
        self.precision = precision
        self.image = image
        self.dim = dim
        self._tokenizer = tokenizer

    def prepare_images(self, jpeg: bytes, layout: SheetLayout) -> list[Pixels]:
        """Shapes: each tile (size, size, 3)."""
        return list(cut_tiles(jpeg, layout, self.image))

    def prepare_pictures(self, files: Sequence[bytes]) -> list[Pixels]:
        """Shapes: each picture (size, size, 3)."""
        return list(fit_pictures(files, self.image))

    def prepare_texts(self, texts: Sequence[str]) -> list[Tokens]:
        """Token ids of each text, padded to the model's context."""
        return list(self._tokenizer(list(texts)).numpy())


class TorchOpenClip(OpenClip):
    """In torch, in bfloat16: what a GPU runs."""

    def __init__(
        self, name: str, revision: str, *, tokenizer: Any, network: Any, device: str = "cuda"
    ) -> None:
        image, dim = image_input(network), int(network.visual.output_dim)
        super().__init__(name, revision, "bfloat16", tokenizer=tokenizer, image=image, dim=dim)
        self._torch = importlib.import_module("torch")
        self._device = device
        # Channels last is what tensor cores convolve; a ViT has one convolution, a ResNet or ConvNeXt many.
        self._layout = self._torch.channels_last
        self._network = network.to(device=device, dtype=self._torch.bfloat16, memory_format=self._layout)
        self.tasks: dict[Task, Head] = {"embed_image": image_head(self), "embed_text": text_head(self)}

    def forward_images(self, tiles: Sequence[Pixels]) -> Vectors:
        """Shapes: n tiles -> (n, dim)."""
        pixels = self._torch.from_numpy(normalised(np.stack(tiles), self.image))
        placed = pixels.to(self._device, self._torch.bfloat16, memory_format=self._layout)
        return self._run(self._network.encode_image, placed)

    def forward_texts(self, prepared: Sequence[Tokens]) -> Vectors:
        """Shapes: n texts -> (n, dim)."""
        tokens = self._torch.from_numpy(np.stack(prepared))
        return self._run(self._network.encode_text, tokens.to(self._device))

    def _run(self, encode: Any, batch: Any) -> Vectors:
        with self._torch.inference_mode():
            vectors = self._torch.nn.functional.normalize(encode(batch).float(), dim=-1)
        return np.asarray(vectors.cpu().numpy(), np.float32)


class OnnxOpenClip(OpenClip):
    """On a CPU, in int8: torch exports once, onnxruntime answers. `network` is called for the export only."""

    def __init__(
        self,
        name: str,
        revision: str,
        home: Path,
        *,
        tokenizer: Any,
        network: Callable[[], Any],
        threads: int,
    ) -> None:
        prefix = f"{name.replace('/', '--')}-{revision}-int8"
        images = built_once(home / f"{prefix}-images.onnx", lambda draft: export("images", network(), draft))
        texts = built_once(home / f"{prefix}-texts.onnx", lambda draft: export("texts", network(), draft))
        self._images = open_session(images, threads=threads)
        self._texts = open_session(texts, threads=1)
        said = self._images.get_modelmeta().custom_metadata_map
        image = ImageInput.model_validate_json(said["image"])
        super().__init__(name, revision, "int8", tokenizer=tokenizer, image=image, dim=int(said["dim"]))
        self.tasks: dict[Task, Head] = {"embed_image": image_head(self), "embed_text": text_head(self)}

    def forward_images(self, tiles: Sequence[Pixels]) -> Vectors:
        """Shapes: n tiles -> (n, dim)."""
        return self._run(self._images, normalised(np.stack(tiles), self.image))

    def forward_texts(self, prepared: Sequence[Tokens]) -> Vectors:
        """Shapes: n texts -> (n, dim)."""
        return self._run(self._texts, np.stack(prepared))

    def _run(self, session: Any, batch: npt.NDArray[Any]) -> Vectors:
        answer: Vectors = session.run(None, {"input": batch})[0]
        return answer


def export(side: str, network: Any, target: Path) -> None:
    """Writes one tower, with what the other side of the contract must know in its metadata."""
    from gpu_endpoint.models.open_clip_export import export_images, export_texts

    if side == "texts":
        export_texts(network, target)
        return
    image = image_input(network)
    about = {"image": image.model_dump_json(), "dim": str(network.visual.output_dim)}
    export_images(network, target, size=image.size, about=about)


def image_input(network: Any) -> ImageInput:
    """open_clip's preprocessing in our words. Raises: ModelFileError, for one we do not have."""
    said = network.visual.preprocess_cfg
    fits = {"shortest": "crop", "squash": "squash"}
    if said["resize_mode"] not in fits:
        raise ModelFileError(f"resize mode {said['resize_mode']!r} is not supported")
    size = said["size"]
    return ImageInput.model_validate(
        {
            "size": size if isinstance(size, int) else size[0],
            "mean": said["mean"],
            "std": said["std"],
            "fit": fits[said["resize_mode"]],
            "resample": said["interpolation"],
        }
    )


def load_open_clip(
    name: str, home: Path, *, file: Path | None, threads: int, sha256: str | None = None
) -> TorchOpenClip | OnnxOpenClip:
    """The model `architecture/weights`, from a safetensors file or the hub. Raises: ModelFileError."""
    architecture, _, tag = name.partition("/")
    open_clip = import_open_clip()
    if open_clip.get_model_config(architecture) is None:
        raise ModelFileError(f"no model {name!r}: open_clip knows no architecture {architecture!r}")
    weights = find_weights(open_clip, architecture, tag, file)
    revision = known_weights(weights, name, sha256)[:12]
    network = cache(lambda: build_network(open_clip, architecture, tag, weights))
    tokenizer = open_clip.get_tokenizer(architecture)
    if importlib.import_module("torch").cuda.is_available():
        return TorchOpenClip(name, revision, tokenizer=tokenizer, network=network())
    return OnnxOpenClip(name, revision, home, tokenizer=tokenizer, network=network, threads=threads)


def build_network(open_clip: ModuleType, architecture: str, tag: str, weights: Path) -> Any:
    """open_clip's torch model with these weights. Raises: ModelFileError, when they belong to another."""
    quick = bool(open_clip.get_pretrained_cfg(architecture, tag).get("quick_gelu", False))
    with unheard():
        network = open_clip.create_model(
            architecture, load_weights=False, pretrained_text=False, force_quick_gelu=quick
        )
    try:
        open_clip.load_checkpoint(network, str(weights))
    except SafetensorError as error:
        raise ModelFileError(f"{weights} cannot be read: {error}") from error
    except (AssertionError, KeyError, RuntimeError) as error:  # by which difference it stumbles over first
        raise ModelFileError(f"{weights} does not hold a {architecture}") from error
    return network.eval()
