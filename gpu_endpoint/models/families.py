"""How each family's models come into memory: a new model of a known family is a config, and no code.

A family's module is imported when one of its models is loaded: torch is not where it is not needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpu_endpoint.models.config import CONFIGS, ModelConfig
from gpu_endpoint.models.files import ModelFileError
from gpu_endpoint.models.ports import Model

if TYPE_CHECKING:
    from gpu_endpoint.models.minilm import SentenceEncoder


@dataclass(frozen=True)
class Loading:
    """What a loader needs besides the config. `folder` is where the config's file paths begin."""

    home: Path
    """Where built files are kept."""
    threads: int
    """Of a model that takes images, on a CPU."""
    folder: Path = CONFIGS
    weights: Path | None = None
    """A safetensors file in place of the hub's, for a config that names no files."""
    encoders: dict[Path, SentenceEncoder] = field(default_factory=dict)

    @property
    def sentences(self) -> SentenceEncoder:
        """The sentence encoder, shared by the models that stand on it."""
        from gpu_endpoint.models.minilm import load_sentence_encoder

        if self.home not in self.encoders:
            self.encoders[self.home] = load_sentence_encoder(self.home)
        return self.encoders[self.home]

    def at(self, folder: Path) -> Loading:
        """The same for a model whose files lie elsewhere; what is shared stays shared."""
        return replace(self, folder=folder)


def load_minilm(_config: ModelConfig, loading: Loading) -> Model:
    """The sentence encoder as a model of its own."""
    return loading.sentences


def load_clip_onnx(config: ModelConfig, loading: Loading) -> Model:
    """An ONNX image tower, and a head on the sentence encoder."""
    from gpu_endpoint.models.clip_onnx import ClipOnnx

    return ClipOnnx(config, loading.folder, sentences=loading.sentences, threads=loading.threads)


def load_open_clip_torch(config: ModelConfig, loading: Loading) -> Model:
    """Any architecture of open_clip."""
    from gpu_endpoint.models.open_clip_torch import load_open_clip

    return load_open_clip(
        config.id,
        loading.home,
        file=loading.weights,
        threads=loading.threads,
        sha256=config.checkpoint_sha256,
    )


def load_pulled_open_clip(config: ModelConfig, loading: Loading) -> Model:
    """What `models pull` wrote."""
    from gpu_endpoint.models.open_clip_onnx import load_pulled

    return load_pulled(config, loading.folder, loading.home, threads=loading.threads)


def load_alert_entities(config: ModelConfig, loading: Loading) -> Model:
    """Entities of alerts, from the sentence encoder's token states."""
    from gpu_endpoint.models.alert_entities import AlertEntities

    return AlertEntities(config, loading.folder, loading.sentences)


def load_alert_classes(config: ModelConfig, loading: Loading) -> Model:
    """Severity, category and team of alerts, from the same."""
    from gpu_endpoint.models.alert_classes import AlertClasses

    return AlertClasses(config, loading.folder, loading.sentences)


def load_token_classification(config: ModelConfig, loading: Loading) -> Model:
    """Any BERT-family tagger."""
    from gpu_endpoint.models.token_classification import TokenClassification

    return TokenClassification(config, loading.folder, home=loading.home, threads=loading.threads)


FAMILIES: Mapping[str, Callable[[ModelConfig, Loading], Model]] = {
    "minilm": load_minilm,
    "clip_onnx": load_clip_onnx,
    "open_clip_torch": load_open_clip_torch,
    "open_clip_onnx": load_pulled_open_clip,
    "alert_entities": load_alert_entities,
    "alert_classes": load_alert_classes,
    "token_classification": load_token_classification,
}


def load_model(config: ModelConfig, loading: Loading) -> Model:
    """The config's model, in memory, and what the config says it is. Raises: ModelFileError."""
    load = FAMILIES.get(config.family)
    if load is None:
        raise ModelFileError(
            f"{config.id} is of the family {config.family!r}; known are {', '.join(FAMILIES)}"
        )
    model = load(config, loading)
    if config.tasks and set(config.tasks) != set(model.tasks):
        raise ModelFileError(
            f"{config.id} does {', '.join(model.tasks)}; its config says {', '.join(config.tasks)}"
        )
    if config.dim not in (None, model.dim):
        raise ModelFileError(f"{config.id} answers {model.dim} numbers; its config says {config.dim}")
    return model
