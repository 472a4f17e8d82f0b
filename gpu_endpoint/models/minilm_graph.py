"""all-MiniLM-L6-v2 as an ONNX graph: a sentence's vector, and the states of its tokens.

Source: Reimers and Gurevych 2019 (arXiv:1908.10084).
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from gpu_endpoint.models.bert_graph import BertShape, GraphWriter, Weights, encoder_states, finished

HIDDEN = 384
STATE_LAYERS = (3, 6)  # the middle one keeps more of a word's form, the last more of its sense


def pooled(graph: GraphWriter, states: str) -> str:
    """The mean over real tokens, scaled to length 1."""
    axes = graph.constant("one", np.array([1], np.int64))
    last = graph.constant("two", np.array([2], np.int64))
    mask = graph.node("Cast", graph.node("Unsqueeze", "attention_mask", last), to=TensorProto.FLOAT)
    total = graph.node("ReduceSum", graph.node("Mul", states, mask), axes, keepdims=0)
    mean = graph.node("Div", total, graph.node("ReduceSum", mask, axes, keepdims=0))
    return graph.node("LpNormalization", mean, axis=1, p=2)


def build_minilm(weights: Weights, *, int8_block: int | None) -> onnx.ModelProto:
    """embedding: (batch, 384), length 1; states: (batch, tokens, 384 for each of STATE_LAYERS)."""
    graph = GraphWriter(weights, int8_block=int8_block)
    states = encoder_states(graph, BertShape())
    graph.answer(pooled(graph, states[-1]), "embedding")
    graph.answer(graph.node("Concat", *(states[layer] for layer in STATE_LAYERS), axis=-1), "states")
    width = HIDDEN * len(STATE_LAYERS)
    return finished(graph, {"embedding": ["batch", HIDDEN], "states": ["batch", "tokens", width]})
