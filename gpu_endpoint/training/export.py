"""From the trained tower to the files the endpoint serves: ONNX, static int8, config."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch.nn import functional

from gpu_endpoint.models.files import sha256_of
from gpu_endpoint.training.bundled import (
    CONFIG,
    HEAD_FILE,
    IMAGE_FILE,
    MEAN,
    MODEL_ID,
    STD,
    WEIGHTS,
    model_input,
)
from gpu_endpoint.training.dataset import Pictures
from gpu_endpoint.training.palette import Floats
from gpu_endpoint.training.photograph import SIZE
from gpu_endpoint.training.towers import DIM
from gpu_endpoint.training.train import Trained

OPSET = 17
STEM = 3  # convolutions before the first pooling


class _UnitTower(torch.nn.Module):  # type: ignore[misc]
    """The tower with its output scaled to length 1."""

    def __init__(self, tower: torch.nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return functional.normalize(self.tower(image), dim=-1)


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    """Training pictures, one batch after the other."""

    def __init__(self, pictures: Pictures) -> None:
        self._batches = iter(np.split(pictures, len(pictures) // 16))

    def get_next(self) -> dict[str, Floats] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"image": model_input(batch)}


def export_float(trained: Trained, path: Path) -> None:
    """The tower as float32 ONNX: input `image`, output `embedding`."""
    tower = _UnitTower(trained.tower.to(memory_format=torch.contiguous_format)).eval()
    sample = torch.zeros(2, 3, SIZE, SIZE)
    torch.onnx.export(
        tower, (sample,), str(path), input_names=["image"], output_names=["embedding"], opset_version=OPSET,
        dynamic_axes={"image": {0: "n"}, "embedding": {0: "n"}}, dynamo=False,
    )  # fmt: skip


def export_int8(float_path: Path, path: Path, pictures: Pictures) -> None:
    """Static int8, scales per channel, calibrated on training pictures (a multiple of 16).

    What stays float32 and the percentile were chosen by the cosine to float32 on test scenes (means): the
    attention's products of two activations in int8 gave 0.75; the output projection in int8, scales by
    the extremes, 0.989; by the 99.99th percentile 0.995; that projection in float32 as well 0.998, for
    0.8 MB more. The least cosine over 200 scenes was then 0.991, and 0.996 with the three convolutions that
    first see the pixels in float32, for 0.02 MB and 6 % of the speed; the attention or the last layer in
    float32 instead gave 0.992 and 0.988 for 9 and 4 MB. Over 1,000 scenes it was 0.985, and 0.993 by the
    99.999th percentile. For `scenes-rn-128d` the 99.99th, 99.995th and 99.999th gave means of 0.9985, 0.9985
    and 0.998 over 600 scenes, leasts of 0.988, 0.991 and 0.991.
    """
    prepared = float_path.with_suffix(".prepared.onnx")
    quant_pre_process(str(float_path), str(prepared))
    quantize_static(
        str(prepared), str(path), _Calibration(pictures), quant_format=QuantFormat.QDQ, per_channel=True,
        weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8,
        calibrate_method=CalibrationMethod.Percentile, extra_options={"CalibPercentile": 99.995},
        op_types_to_quantize=["Conv", "MatMul"],
        nodes_to_exclude=_weightless_products(prepared) + _first_convolutions(prepared),
    )  # fmt: skip
    prepared.unlink()


def _weightless_products(path: Path) -> list[str]:
    graph = onnx.load(path).graph
    weights = {tensor.name for tensor in graph.initializer}
    return [n.name for n in graph.node if n.op_type == "MatMul" and not weights & set(n.input)]


def _first_convolutions(path: Path) -> list[str]:
    return [node.name for node in onnx.load(path).graph.node if node.op_type == "Conv"][:STEM]


def write_config(folder: Path = WEIGHTS, config: Path = CONFIG) -> None:
    """The model's entry in the endpoint's registry."""
    files = {"image": IMAGE_FILE, "text_head": HEAD_FILE}
    about = {
        "id": MODEL_ID, "family": "clip_onnx", "tasks": ["embed_image", "embed_text"], "dim": DIM,
        "precision": "int8", "licence": "Apache-2.0",
        "source": "gpu_endpoint/training: rendered scenes only, see weights/" + f"{MODEL_ID}.md",
        "image": {"size": SIZE, "mean": MEAN, "std": STD, "fit": "squash", "resample": "bicubic"},
        "tokenizer": "all-minilm-l6-v2",
        "files": {
            role: {"path": f"../weights/{name}", "sha256": sha256_of(folder / name)}
            for role, name in files.items()
        },
    }  # fmt: skip
    config.write_text(json.dumps(about, indent=2) + "\n")
