"""Token-classification checkpoints of BERT and its family, as transformers saves them, in BERT's names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from safetensors import SafetensorError
from safetensors.numpy import load_file

from gpu_endpoint.models.bert_graph import (
    ACTIVATIONS,
    BertShape,
    GraphWriter,
    Weights,
    encoder_states,
    finished,
)
from gpu_endpoint.models.files import ModelFileError, refuse_pickle

FAMILIES = ("bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert")
COUNTED_FROM_PADDING = ("roberta", "xlm-roberta", "camembert")  # positions begin after the padding's id
DISTILBERT = (
    (r"^transformer\.layer", "encoder.layer"),
    (r"attention\.q_lin", "attention.self.query"),
    (r"attention\.k_lin", "attention.self.key"),
    (r"attention\.v_lin", "attention.self.value"),
    (r"attention\.out_lin", "attention.output.dense"),
    (r"sa_layer_norm", "attention.output.LayerNorm"),
    (r"ffn\.lin1", "intermediate.dense"),
    (r"ffn\.lin2", "output.dense"),
    (r"output_layer_norm", "output.LayerNorm"),
)


@dataclass(frozen=True)
class Checkpoint:
    """What config.json says, and how long a window may be."""

    family: str
    shape: BertShape
    tags: tuple[str, ...]
    max_tokens: int


def read_checkpoint(path: Path) -> Checkpoint:
    """Raises: ModelFileError, for a network of another kind."""
    try:
        said: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        family, names = said["model_type"], said.get("id2label", {})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f"{path} is not the config of a transformers model") from error
    if family not in FAMILIES:
        raise ModelFileError(f"{path} is of the family {family!r}; we read {', '.join(FAMILIES)}")
    activation = said.get("hidden_act", said.get("activation", "gelu"))
    if activation not in ACTIVATIONS or said.get("position_embedding_type", "absolute") != "absolute":
        raise ModelFileError(f"{path} has an activation or positions that we do not have")
    first = said.get("pad_token_id", 1) + 1 if family in COUNTED_FROM_PADDING else 0
    shape = BertShape(
        layers=said.get("num_hidden_layers", said.get("n_layers", 12)),
        heads=said.get("num_attention_heads", said.get("n_heads", 12)),
        epsilon=said.get("layer_norm_eps", 1e-12),
        activation=activation,
        first_position=first,
    )
    tags = tuple(names[key] for key in sorted(names, key=int))
    return Checkpoint(family, shape, tags, min(512, said.get("max_position_embeddings", 512) - first))


def read_weights(path: Path, checkpoint: Checkpoint) -> Weights:
    """The tensors under BERT's names. Raises: ModelFileError."""
    try:
        tensors = load_file(refuse_pickle(path))
    except (SafetensorError, TypeError) as error:
        raise ModelFileError(f"{path} cannot be read: {error}") from error
    start = f"{checkpoint.family.replace('xlm-roberta', 'roberta').replace('camembert', 'roberta')}."
    weights = {}
    for name, tensor in tensors.items():
        plain = name.removeprefix(start)
        plain = plain.replace("LayerNorm.gamma", "LayerNorm.weight").replace(
            "LayerNorm.beta", "LayerNorm.bias"
        )
        for old, new in DISTILBERT if checkpoint.family == "distilbert" else ():
            plain = re.sub(old, new, plain)
        weights[plain] = np.asarray(tensor, np.float32)
    if weights.get("classifier.weight", np.empty((0, 0))).shape[:1] != (len(checkpoint.tags),):
        raise ModelFileError(f"{path} has no classifier for the {len(checkpoint.tags)} tags of its config")
    return weights


def build_tagger(weights: Weights, checkpoint: Checkpoint, *, int8_block: int | None) -> onnx.ModelProto:
    """logits: (batch, tokens, tags). Raises: ModelFileError, when a tensor is missing."""
    graph = GraphWriter(weights, int8_block=int8_block)
    try:
        graph.answer(graph.dense(encoder_states(graph, checkpoint.shape)[-1], "classifier"), "logits")
    except KeyError as error:
        raise ModelFileError(f"the checkpoint has no tensor {error}") from error
    return finished(graph, {"logits": ["batch", "tokens", len(checkpoint.tags)]})
