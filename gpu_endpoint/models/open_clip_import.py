"""Importing open_clip, also where torchvision is a CUDA wheel beside a CPU torch."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from gpu_endpoint.models.files import ModelFileError

_schemas: list[Any] = []  # a declared operator lives as long as its library object


def import_open_clip() -> ModuleType:
    """The open_clip module. Raises: ModelFileError, where torch or open_clip is not installed."""
    try:
        torch = importlib.import_module("torch")
        try:
            importlib.import_module("torchvision")
        except RuntimeError as error:
            if "torchvision::" not in str(error):
                raise
            declare_operators(torch)
        return importlib.import_module("open_clip")
    except ModuleNotFoundError as error:
        raise ModelFileError(f"open_clip models need torch: pip install '.[gpu]' here ({error})") from error


def declare_operators(torch: ModuleType) -> None:
    """Declares the operators that torchvision looks up at import; open_clip never calls them."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _schemas.append(library)
    importlib.import_module("torchvision")


@contextmanager
def unheard() -> Iterator[None]:
    """open_clip warns on the root logger that weights are random, which are read in the next line."""
    root = logging.getLogger()
    root.addFilter(no_record)
    try:
        yield
    finally:
        root.removeFilter(no_record)


def no_record(_: logging.LogRecord) -> bool:
    """What others log goes past the root logger's own filters."""
    return False
