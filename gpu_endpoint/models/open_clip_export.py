"""open_clip's towers as int8 ONNX files for onnxruntime."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import torch

from gpu_endpoint.models.int8 import Int8Rewriter

OPSET = 17
BLOCK = 64  # weights per int8 scale, as for MiniLM


class Unit(torch.nn.Module):  # type: ignore[misc]
    """A tower whose answers have length 1."""

    def __init__(self, encode: Any, network: Any) -> None:
        super().__init__()
        self.network = network
        self.encode = encode
        # The exporter gives a module its mode back, and its children the same: batch norms would then count
        # what is asked, and the network answer otherwise than before.
        self.train(network.training)

    def forward(self, batch: Any) -> Any:
        return torch.nn.functional.normalize(self.encode(self.network, batch), dim=-1)


def export_images(
    network: Any, target: Path, *, size: int, about: Mapping[str, str], int8: bool = True
) -> None:
    """Writes the image tower: float32 (n, 3, size, size) -> (n, dim). `about` goes into its metadata."""
    tower = Unit(lambda model, pixels: model.encode_image(pixels), network)
    export(tower, torch.zeros(2, 3, size, size), target, about, int8=int8)


def export_texts(network: Any, target: Path, *, int8: bool = True) -> None:
    """Writes the text tower: input int64 (n, context) -> (n, dim)."""
    tower = Unit(lambda model, tokens: model.encode_text(tokens), network)
    export(tower, torch.zeros(2, int(network.context_length), dtype=torch.int64), target, {}, int8=int8)


def export(tower: Unit, example: Any, target: Path, about: Mapping[str, str], *, int8: bool) -> None:
    """Exports, then stores the large weights in int8 where that is wanted."""
    # The fused attention has no ONNX form; the TorchScript exporter is the one that handles these towers.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings():
            # Sizes that become constants (all but the batch) are what we want.
            warnings.simplefilter("ignore", torch.jit.TracerWarning)
            # An index is never negative here; the export is compared with torch in any case.
            warnings.filterwarnings("ignore", "Exporting aten::index operator", UserWarning)
            torch.onnx.export(
                tower,
                (example,),
                str(target),
                input_names=["input"],
                output_names=["vectors"],
                dynamic_axes={"input": {0: "n"}, "vectors": {0: "n"}},
                opset_version=OPSET,
                dynamo=False,
            )
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    model = onnx.load(target)
    if int8:
        model = Int8Rewriter(model, block=BLOCK).rewrite()
    onnx.helper.set_model_props(model, dict(about))
    onnx.save(model, target)
