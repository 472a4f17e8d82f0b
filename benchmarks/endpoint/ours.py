"""Our endpoint with one family more: a model whose batches cost what they cost on a GPU."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from benchmarks.endpoint.peers import DIM, FIXED_S, ITEM_S
from gpu_endpoint import __main__ as command
from gpu_endpoint.models import families
from gpu_endpoint.models.config import ModelConfig
from gpu_endpoint.models.heads import text_head
from gpu_endpoint.models.ports import Head, Model, Task, Vectors

CONFIG = {
    "id": "gpu-like",
    "family": "gpu_like",
    "dim": DIM,
    "precision": "none",
    "licence": "Apache-2.0",
    "source": "benchmarks/endpoint/ours.py",
    "text": "none",
}


class GpuLike:
    """Sleeps as long as a GPU would work; the interpreter is free meanwhile."""

    model_id = "gpu-like"
    revision = "1"
    precision = "none"
    dim = DIM

    def __init__(self) -> None:
        self.tasks: dict[Task, Head] = {"embed_text": text_head(self)}

    def prepare_texts(self, texts: Sequence[str]) -> Sequence[Any]:
        """Nothing to be done."""
        return [(0,)] * len(texts)

    def forward_texts(self, prepared: Sequence[Any], /) -> Vectors:
        """The same unit vector for each."""
        time.sleep(FIXED_S + ITEM_S * len(prepared))
        rows = np.zeros((len(prepared), DIM), np.float32)
        rows[:, 0] = 1
        return rows


def load_gpu_like(_config: ModelConfig, _loading: families.Loading) -> Model:
    """As the families load theirs."""
    return GpuLike()


if __name__ == "__main__":
    known = cast("dict[str, Callable[[ModelConfig, families.Loading], Model]]", families.FAMILIES)
    known["gpu_like"] = load_gpu_like
    sys.exit(command.main())
