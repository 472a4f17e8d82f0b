"""Brings one revision into memory and checks it, on a thread beside the traffic."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gpu_endpoint.bundled import bundled_configs, loading_of, try_out
from gpu_endpoint.lifecycle.artifacts import fetched, flat
from gpu_endpoint.lifecycle.desired_state import Weights
from gpu_endpoint.lifecycle.goldens import Bars, GoldenError, check
from gpu_endpoint.lifecycle.objects import Objects, StoreError
from gpu_endpoint.models.config import ModelConfig
from gpu_endpoint.models.families import load_model
from gpu_endpoint.models.files import ModelAnswerError, ModelFileError, disk_reason
from gpu_endpoint.models.ports import Model
from gpu_endpoint.settings import EndpointSettings


class LoadError(Exception):
    """A revision cannot serve; `passing` says whether trying again may help."""

    def __init__(self, reason: str, *, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing


@dataclass(frozen=True, slots=True)
class Loaded:
    """A revision that may serve."""

    model: Model
    checks: dict[str, float] = field(default_factory=dict)
    took_s: float = 0.0
    folder: Path | None = None
    """Where its files lie that came from the store."""


class Loader:
    """Loads by weights; what models share is loaded once."""

    def __init__(self, settings: EndpointSettings, objects: Objects) -> None:
        self._settings = settings
        self._objects = objects
        self._loading = loading_of(settings)
        # One folder a process: what one lets go, another on the same disk may be reading.
        self._folder = settings.models / "artifacts" / str(os.getpid())

    def bundled(self) -> list[tuple[Weights, Loaded]]:
        """What serves without a state. Raises: ModelFileError."""
        loaded = []
        for config in bundled_configs(self._settings):
            weights, began = Weights(config=config, bundled=True), time.perf_counter()
            model = load_model(config, self._loading)
            try_out(model)
            loaded.append((weights, Loaded(model, took_s=time.perf_counter() - began)))
        return loaded

    def load(self, weights: Weights, *, reference: Model | None) -> Loaded:
        """Fetches, loads, warms up and checks; what failed leaves nothing on the disk. Raises: LoadError."""
        began, folder = time.perf_counter(), self._place(weights.config)
        try:
            with translated():
                model = self._model(weights, folder)
                checks = check(model, reference, Bars())
        except LoadError:
            self.forget(folder)
            raise
        return Loaded(model, checks, time.perf_counter() - began, folder)

    def _model(self, weights: Weights, folder: Path) -> Model:
        config = weights.config
        if weights.bundled:
            try:
                return load_model(config, self._loading)
            except ModelFileError:
                # The state may be older than this image, whose weights are others: then the store has them.
                if not config.files:
                    raise
                config = flat(config)
        return load_model(config, self._loading.at(fetched(self._objects, config, folder)))

    def _place(self, config: ModelConfig) -> Path:
        """Another for every load: a revision may come back while its last request still runs."""
        return self._folder / f"{config.id.replace('/', '--')}-{config.revision()}-{uuid.uuid4().hex[:8]}"

    def forget(self, folder: Path | None) -> None:
        """Frees the disk of a revision that left memory."""
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Frees the disk of all."""
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def translated() -> Iterator[None]:
    """Whatever keeps a model from serving, as ours."""
    try:
        yield
    except (ModelFileError, ModelAnswerError, GoldenError) as error:
        raise LoadError(str(error)) from error
    except StoreError as error:
        raise LoadError(str(error), passing=True) from error
    except OSError as error:
        raise LoadError(disk_reason(error), passing=True) from error
    except MemoryError as error:
        raise LoadError("no memory is left for the model", passing=True) from error
    except Exception as error:  # a file that no runtime can read: each has its own exceptions
        raise LoadError(f"it cannot be loaded: {type(error).__name__}: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """The beginning of what an exception says."""
    return str(error).strip().split("\n", 1)[0][:200]
