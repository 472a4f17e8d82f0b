"""The models that serve when nothing says otherwise: the settings' image model, and those of texts."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np

from gpu_endpoint.models.config import ModelConfig, config_path, read_config
from gpu_endpoint.models.families import Loading, load_model
from gpu_endpoint.models.files import ModelFileError
from gpu_endpoint.models.ports import Head, Model, Task
from gpu_endpoint.settings import EndpointSettings

SENTENCES = "all-minilm-l6-v2"
ALERTS = ("alert-entities", "alert-classes")


def load_models(settings: EndpointSettings) -> list[Model]:
    """Each tried on an example. Raises: ModelFileError."""
    loading = loading_of(settings)
    models = [load_model(config, loading) for config in bundled_configs(settings)]
    for model in models:
        try_out(model)
    return models


def loading_of(settings: EndpointSettings) -> Loading:
    """How this process loads models."""
    return Loading(
        home=settings.models,
        threads=settings.threads,
        folder=settings.model_configs,
        weights=settings.image_model_file,
    )


def bundled_configs(settings: EndpointSettings) -> list[ModelConfig]:
    """Raises: ModelFileError, for a model that nobody knows."""
    # A folder of configs of one's own may leave the alert models out.
    alerts = [name for name in ALERTS if config_path(name, settings.model_configs).is_file()]
    return [config_of(name, settings) for name in (SENTENCES, *alerts, settings.image_model)]


def config_of(name: str, settings: EndpointSettings) -> ModelConfig:
    """The config of a known model, or of any architecture/weights that open_clip knows."""
    if "/" in name and settings.image_model_file is None and config_path(name, settings.models).is_file():
        return at_home(read_config(name, settings.models), settings.models)
    if "/" not in name or config_path(name, settings.model_configs).is_file():
        return read_config(name, settings.model_configs)
    return ModelConfig(
        id=name, family="open_clip_torch", licence="", source="open_clip", tokenizer="open_clip"
    )


def at_home(config: ModelConfig, folder: Path) -> ModelConfig:
    """A pulled model's config, its files found from anywhere."""
    files = {
        role: file.model_copy(update={"path": str((folder / file.path).resolve())})
        for role, file in config.files.items()
    }
    return config.model_copy(update={"files": files})


def try_out(model: Model) -> None:
    """One example through each head; also warms the model up. Raises: ModelFileError."""
    for task in get_args(Task):
        if head := model.tasks.get(task):
            try_head(model, head)


def try_head(model: Model, head: Head) -> None:
    """Raises: ModelFileError, when the answer has another form than was said."""
    payload = head.example()
    items = head.prepare(payload)
    answer = head.finish(payload, items, list(head.forward(items)))
    if not head.vectors:
        if len(answer) != len(payload):
            raise ModelFileError(f"{model.model_id} answers {len(answer)} for {len(payload)} texts")
        return
    lengths = np.linalg.norm(answer, axis=1)
    if answer.shape != (len(items), model.dim) or not np.allclose(lengths, 1, atol=1e-2):
        raise ModelFileError(f"{model.model_id} answers {answer.shape}, lengths {lengths}: not unit vectors")
