"""The models this process serves: loaded, tried on an example, then given a lane per task."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from gpu_endpoint.batching import Batcher, Limits
from gpu_endpoint.errors import ContentTypeError, ModelMismatchError, NotReadyError
from gpu_endpoint.models.config import read_config
from gpu_endpoint.models.files import ModelFileError
from gpu_endpoint.models.minilm import load_sentence_encoder
from gpu_endpoint.models.ports import ImageModel, TextModel
from gpu_endpoint.settings import EndpointSettings
from sightline.contracts.inference import EmbeddingHeader, ModelPin, SheetLayout

EXAMPLE = SheetLayout(columns=1, tile_width=256, tile_height=256, tiles=1)


@dataclass(frozen=True, slots=True)
class Served:
    """One model and its lanes; `images` is None for a model of texts only."""

    model: TextModel
    header: EmbeddingHeader
    texts: Batcher
    images: Batcher | None


class Registry:
    """Which model answers a request."""

    def __init__(self, settings: EndpointSettings) -> None:
        self.settings = settings
        self._served: dict[str, Served] = {}
        # One thread each: a question never waits behind a sheet, and two batches never fight for the cores.
        self._lanes = {name: ThreadPoolExecutor(1, name) for name in ("texts", "images")}

    @property
    def ready(self) -> bool:
        """Whether the model that was asked for can answer."""
        return self.settings.image_model in self._served

    def serve(self, models: Sequence[TextModel]) -> None:
        """Opens the lanes of loaded models; call it inside the event loop."""
        for model in models:
            header = EmbeddingHeader(
                model=model.model_id, revision=model.revision, precision=model.precision, dim=model.dim
            )
            images = self._lane("images", model.forward_images) if isinstance(model, ImageModel) else None
            texts = self._lane("texts", model.forward_texts)
            self._served[model.model_id] = Served(model, header, texts, images)

    def find(self, pin: ModelPin) -> Served:
        """The model that is asked for, or the default. Raises: NotReadyError, ModelMismatchError."""
        if not self.ready:
            raise NotReadyError
        served = self._served.get(pin.model or self.settings.image_model)
        if served is None:
            raise ModelMismatchError(f"{pin.model} is not served here; {', '.join(self._served)} are")
        if pin.revision not in (None, served.header.revision):
            raise ModelMismatchError(
                f"{served.header.model} is served at revision {served.header.revision}, not {pin.revision}"
            )
        return served

    def find_for_images(self, pin: ModelPin) -> tuple[ImageModel, Served, Batcher]:
        """As `find`, for a model that takes pictures. Raises: ContentTypeError too."""
        served = self.find(pin)
        if served.images is None or not isinstance(served.model, ImageModel):
            raise ContentTypeError(f"{served.header.model} takes no images")
        return served.model, served, served.images

    async def close(self) -> None:
        """Finishes what waits and frees the threads."""
        served, self._served = list(self._served.values()), {}
        for one in served:
            await one.texts.close()
            if one.images:
                await one.images.close()
        for executor in self._lanes.values():
            executor.shutdown()

    def _lane(self, name: str, forward: Any) -> Batcher:
        settings = self.settings
        limits = Limits(
            max_batch=settings.endpoint_max_batch,
            wait_s=settings.endpoint_wait_s,
            max_queued=settings.endpoint_max_queued,
            deadline_s=settings.endpoint_deadline_s,
        )
        return Batcher(forward, executor=self._lanes[name], limits=limits)


def load_models(settings: EndpointSettings) -> list[TextModel]:
    """The sentence encoder and the image model, each tried on an example. Raises: ModelFileError."""
    sentences = load_sentence_encoder(settings.models)
    image_model: ImageModel
    name, folder = settings.image_model, settings.model_configs
    if "/" in name:  # architecture/weights, as open_clip names them
        from gpu_endpoint.models.open_clip_torch import load_open_clip

        image_model = load_open_clip(
            name, settings.models, file=settings.image_model_file, threads=settings.threads
        )
    else:
        from gpu_endpoint.models.clip_onnx import ClipOnnx

        config = read_config(name, folder)
        image_model = ClipOnnx(config, folder, sentences=sentences, threads=settings.threads)
    models: list[TextModel] = [sentences, image_model]
    for model in models:
        try_out(model)
    return models


def try_out(model: TextModel) -> None:
    """One example through each side; also warms the model up. Raises: ModelFileError."""
    answers = [model.forward_texts(model.prepare_texts(["a car ahead"]))]
    if isinstance(model, ImageModel):
        jpeg = io.BytesIO()
        Image.new("RGB", (EXAMPLE.tile_width, EXAMPLE.tile_height), "grey").save(jpeg, "JPEG")
        answers.append(model.forward_images(model.prepare_images(jpeg.getvalue(), EXAMPLE)))
    for vectors in answers:
        lengths = np.linalg.norm(vectors, axis=1)
        if vectors.shape != (1, model.dim) or not np.allclose(lengths, 1, atol=1e-2):
            raise ModelFileError(
                f"{model.model_id} answers {vectors.shape}, lengths {lengths}: not unit vectors"
            )
