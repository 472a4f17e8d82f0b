"""Revisions of an ONNX image model, to try swaps with: some agree with it, one does not, one breaks later."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from gpu_endpoint.models.config import CONFIGS, ModelConfig, read_config

Kind = Literal["agrees", "disagrees", "breaks"]
SCALE_NOISE = 0.002
"""How far each output's scale is moved: what re-quantising does to it, and little."""
BRIGHT = 1.6
"""Mean of a normalised input above which a tile counts as white; those of views lie below 1."""


def write_variant(model_id: str, folder: Path, *, kind: Kind, seed: int) -> Path:
    """The config of a revision that answers like this; its files lie beside it."""
    config = read_config(model_id)
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for role in config.files:
        source = config.file(role, CONFIGS)
        target = folder / source.name
        if role == "image":
            write_tower(source, target, kind=kind, seed=seed)
        else:
            shutil.copyfile(source, target)
        files[role] = {"path": target.name, "sha256": hashlib.sha256(target.read_bytes()).hexdigest()}
    path = folder / "config.json"
    fields = config.model_dump(mode="json", exclude_none=True) | {"files": files}
    path.write_text(json.dumps(ModelConfig.model_validate(fields).model_dump(mode="json"), indent=1))
    return path


def write_tower(source: Path, target: Path, *, kind: Kind, seed: int) -> None:
    """The tower with a few nodes behind it: every output number is multiplied by one of its own."""
    model = onnx.load(source)
    graph, (output,) = model.graph, model.graph.output
    dim = output.type.tensor_type.shape.dim[-1].dim_value
    for node in graph.node:
        node.output[:] = ["tower" if name == output.name else name for name in node.output]
        node.input[:] = ["tower" if name == output.name else name for name in node.input]
    random = np.random.default_rng(seed)
    scale = 1 + SCALE_NOISE * random.standard_normal(dim)
    if kind == "disagrees":
        scale = np.where(random.random(dim) < 0.5, -1.0, 1.0)
    add(graph, "scale", scale)
    scaled = "scaled" if kind == "breaks" else output.name
    graph.node.append(helper.make_node("Mul", ["tower", "scale"], [scaled]))
    if kind == "breaks":
        graph.node.extend(broken_by_white(graph, scaled, output.name))
    onnx.save(model, target)


def broken_by_white(graph: onnx.GraphProto, scaled: str, output: str) -> Sequence[onnx.NodeProto]:
    """No probe tile is white: the checks pass, and the first white tile gets no number at all."""
    add(graph, "bright", np.array(BRIGHT))
    add(graph, "nothing", np.array(np.nan))
    pixels = graph.input[0].name
    return [
        helper.make_node("ReduceMean", [pixels], ["mean4"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Flatten", ["mean4"], ["mean"], axis=1),
        helper.make_node("Greater", ["mean", "bright"], ["white"]),
        helper.make_node("Where", ["white", "nothing", scaled], [output]),
    ]


def add(graph: onnx.GraphProto, name: str, values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    """A constant."""
    tensor: TensorProto = numpy_helper.from_array(values.astype(np.float32), name)
    graph.initializer.append(tensor)
