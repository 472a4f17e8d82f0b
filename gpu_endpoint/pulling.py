"""`python -m gpu_endpoint models pull`: gets a model, and makes it one that SIGHTLINE_IMAGE_MODEL finds.

`build` does so too, for an image that asks no hub when it serves.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gpu_endpoint.bundled import config_of, load_models
from gpu_endpoint.lifecycle.goldens import Bars, GoldenError, check
from gpu_endpoint.models.config import ModelConfig, config_path
from gpu_endpoint.models.families import Loading, load_model
from gpu_endpoint.models.files import ModelAnswerError, ModelFileError, disk_reason
from gpu_endpoint.models.open_clip_pull import Pull, pull
from gpu_endpoint.settings import EndpointSettings

Goldens = Callable[[ModelConfig, Path], dict[str, float]]
REFUSED = (ModelFileError, ModelAnswerError, GoldenError, ValidationError)


def add_pull(actions: Any) -> None:
    """The sub-command and its options."""
    one = actions.add_parser("pull", help="get an open_clip model, export it for a CPU, try and register it")
    one.add_argument("name", help="architecture/weights as open_clip names them: ViT-B-32/laion2b_s34b_b79k")
    one.add_argument(
        "--from", dest="source", type=Path, help="a safetensors file, or a folder pulled elsewhere"
    )
    one.add_argument("--sha256", help="what the safetensors file must have")
    one.add_argument("--home", type=Path, help="state folder (SIGHTLINE_HOME, ./.sightline)")


def run_pull(given: argparse.Namespace) -> int:
    """Exit status: 0, or 1 with the reason on standard error and nothing changed."""
    settings = EndpointSettings(**({"home": given.home} if given.home else {}))
    wanted = Pull(
        given.name, settings.models, given.source, given.sha256, configs=settings.model_configs, say=say
    )
    return status_of(lambda: print(json.dumps(pull(wanted, goldens), indent=1)), settings)


def run_build(settings: EndpointSettings) -> int:
    """Exit status: 0 once all that a start needs lies in the state folder, or 1 with the reason."""

    def build() -> None:
        pull_wanted(settings, goldens)
        load_models(settings)

    return status_of(build, settings)


def status_of(work: Callable[[], None], settings: EndpointSettings) -> int:
    """0, or 1 with the reason on standard error where models cannot be made or written."""
    try:
        work()
    except REFUSED as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"{disk_reason(error)}: {settings.models}")
        return 1
    return 0


def pull_wanted(settings: EndpointSettings, golden: Goldens) -> None:
    """Makes files of an open_clip model that was not pulled yet. Raises: ModelFileError, GoldenError."""
    name, pulled = settings.image_model, config_path(settings.image_model, settings.models)
    if config_of(name, settings).family != "open_clip_torch" or pulled.is_file():
        return
    source, configs = settings.image_model_file, settings.model_configs
    pull(Pull(name, settings.models, source, configs=configs, say=say), golden)


def say(step: str) -> None:
    """Standard output is for the result."""
    print(step, file=sys.stderr, flush=True)


def goldens(config: ModelConfig, folder: Path) -> dict[str, float]:
    """The checks that every revision passes before it serves. Raises: GoldenError."""
    return check(load_model(config, Loading(home=folder, threads=1, folder=folder)), None, Bars())
