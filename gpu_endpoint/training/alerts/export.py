"""The trained heads as ONNX files that carry their labels and temperatures, and the configs that pin them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import torch

from gpu_endpoint.models.alert_features import SIZE
from gpu_endpoint.models.config import CONFIGS
from gpu_endpoint.models.files import sha256_of
from gpu_endpoint.training.alerts.states import STATE, TAGS
from gpu_endpoint.training.alerts.templates import CATEGORIES, SEVERITIES

WEIGHTS = CONFIGS.parent / "weights"
OPSET = 17
TEAMS = {
    "availability": "platform",
    "capacity": "platform",
    "latency": "application",
    "errors": "application",
    "queue": "application",
    "network": "network",
    "database": "database",
    "security": "security",
    "deployment": "release",
    "data": "data",
    "cost": "finops",
    "other": "platform",
}
"""Who usually takes an alert of a category; a customer's service map knows better."""


def export_head(head: Any, path: Path, *, outputs: list[str], about: Mapping[str, Any]) -> None:
    """states, features, mask: float32 (n, tokens, ...) -> the head's logits; any n, any length."""
    example = (torch.zeros(2, 7, STATE), torch.zeros(2, 7, SIZE), torch.ones(2, 7))
    names = ["states", "features", "mask"]
    axes = {name: {0: "n", 1: "tokens"} for name in names}
    axes |= {name: {0: "n", 1: "tokens"} if name == "tags" else {0: "n"} for name in outputs}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter's own deprecation; it needs no further package
        torch.onnx.export(
            head,
            example,
            str(path),
            input_names=names,
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {name: json.dumps(value) for name, value in about.items()})
    onnx.save(model, path)
    path.chmod(0o644)


def export_entities(head: Any, temperature: float) -> None:
    """weights/alert-entities.onnx and its config."""
    path = WEIGHTS / "alert-entities.onnx"
    export_head(head, path, outputs=["tags"], about={"tags": TAGS, "temperature": temperature})
    write_config("alert-entities", "tag_entities", path)


def export_classes(head: Any, temperatures: Mapping[str, float]) -> None:
    """weights/alert-classes.onnx and its config."""
    path = WEIGHTS / "alert-classes.onnx"
    axes = {"severity": SEVERITIES, "category": CATEGORIES}
    about = {"axes": axes, "temperatures": temperatures, "teams": TEAMS}
    export_head(head, path, outputs=list(axes), about=about)
    write_config("alert-classes", "classify", path)


def write_config(model_id: str, task: str, weights: Path) -> None:
    """The registry's entry."""
    entry = {
        "id": model_id,
        "family": model_id.replace("-", "_"),
        "tasks": [task],
        "precision": "int8",
        "licence": "Apache-2.0",
        "source": f"gpu_endpoint/training/alerts, see weights/{model_id}.md",
        "tokenizer": "all-minilm-l6-v2",
        "files": {"head": {"path": f"../weights/{weights.name}", "sha256": sha256_of(weights)}},
    }
    (CONFIGS / f"{model_id}.json").write_text(json.dumps(entry, indent=2) + "\n", encoding="utf-8")
