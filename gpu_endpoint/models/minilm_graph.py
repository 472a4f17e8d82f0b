"""all-MiniLM-L6-v2 (a 6-layer BERT) as an ONNX graph, built straight from safetensors: no torch.

Source: Reimers and Gurevych 2019 (arXiv:1908.10084); the layer arithmetic is BERT's (arXiv:1810.04805).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from gpu_endpoint.models.int8 import DOMAIN, quantise_blocks, quantise_rows

HIDDEN = 384
LAYERS = 6
HEADS = 12
EPSILON = 1e-12

Array = npt.NDArray[np.generic]
Weights = Mapping[str, npt.NDArray[np.float32]]


class GraphWriter:
    """Collects nodes and weights; every method answers the name of the tensor it made."""

    def __init__(self, weights: Weights, *, int8_block: int | None) -> None:
        self.weights = weights
        self.int8_block = int8_block
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: Array) -> str:
        """A stored tensor, written once however often it is asked for."""
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def weight(self, name: str) -> str:
        """A tensor of the checkpoint, as it is."""
        return self.constant(name, self.weights[name])

    def node(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """One operation with one output."""
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, domain=domain, **attributes))
        return name

    def linear(self, source: str, weight: npt.NDArray[np.float32], name: str) -> str:
        """source @ weight.T without bias; weight has torch's shape (out, in)."""
        if self.int8_block is None:
            return self.node("MatMul", source, self.constant(name, weight.T))
        packed, scales = quantise_blocks(weight, self.int8_block)
        return self.node(
            "MatMulNBits",
            source,
            self.constant(f"{name}.int8", packed),
            self.constant(f"{name}.scale", scales),
            domain=DOMAIN,
            K=weight.shape[1],
            N=weight.shape[0],
            bits=8,
            block_size=self.int8_block,
            accuracy_level=4,  # the activations in int8 too, with a scale per block of a row
        )

    def lookup(self, ids: str, name: str) -> str:
        """Rows of an embedding table; int8 with one scale per row."""
        if self.int8_block is None:
            return self.node("Gather", self.weight(name), ids)
        rounded, scale = quantise_rows(self.weights[name])
        rows = self.node("Gather", self.constant(f"{name}.int8", rounded), ids)
        scales = self.node("Gather", self.constant(f"{name}.scale", scale), ids)
        return self.node("Mul", self.node("Cast", rows, to=TensorProto.FLOAT), scales)

    def normalised(self, source: str, prefix: str) -> str:
        """Layer normalisation with the checkpoint's scale and shift."""
        return self.node(
            "LayerNormalization",
            source,
            self.weight(f"{prefix}.LayerNorm.weight"),
            self.weight(f"{prefix}.LayerNorm.bias"),
            axis=-1,
            epsilon=EPSILON,
        )


def encoder_layer(graph: GraphWriter, source: str, mask: str, index: int) -> str:
    """Self-attention and feed-forward of one BERT layer."""
    prefix = f"encoder.layer.{index}"
    parts = [f"{prefix}.attention.self.{name}" for name in ("query", "key", "value")]
    together = np.concatenate([graph.weights[f"{part}.weight"] for part in parts])
    bias = np.concatenate([graph.weights[f"{part}.bias"] for part in parts])
    projected = graph.linear(source, together, f"{prefix}.qkv")
    outputs = [f"{prefix}.{name}" for name in ("query", "key", "value")]
    graph.nodes.append(helper.make_node("Split", [projected], outputs, axis=-1, num_outputs=3))
    attended = graph.node(
        "MultiHeadAttention",
        *outputs,
        graph.constant(f"{prefix}.qkv.bias", bias),
        mask,
        domain=DOMAIN,
        num_heads=HEADS,
    )
    attended = dense(graph, attended, f"{prefix}.attention.output")
    middle = graph.normalised(graph.node("Add", attended, source), f"{prefix}.attention.output")
    wide = graph.node("Gelu", dense(graph, middle, f"{prefix}.intermediate"))
    return graph.normalised(
        graph.node("Add", dense(graph, wide, f"{prefix}.output"), middle), f"{prefix}.output"
    )


def dense(graph: GraphWriter, source: str, prefix: str) -> str:
    """A linear layer with bias."""
    product = graph.linear(source, graph.weights[f"{prefix}.dense.weight"], f"{prefix}.dense.weight")
    return graph.node("Add", product, graph.weight(f"{prefix}.dense.bias"))


def embeddings(graph: GraphWriter) -> str:
    """Word, position and segment embeddings, normalised. All text is segment 0."""
    words = graph.lookup("input_ids", "embeddings.word_embeddings.weight")
    table = (
        graph.weights["embeddings.position_embeddings.weight"]
        + graph.weights["embeddings.token_type_embeddings.weight"][0]
    )
    length = graph.node("Shape", "input_ids", start=1, end=2)
    start = graph.constant("zero", np.array([0], np.int64))
    places = graph.node("Slice", graph.constant("positions", table), start, length, start)
    return graph.normalised(graph.node("Add", words, places), "embeddings")


def pooled(graph: GraphWriter, states: str) -> str:
    """The mean over real tokens, scaled to length 1."""
    axes = graph.constant("one", np.array([1], np.int64))
    last = graph.constant("two", np.array([2], np.int64))
    mask = graph.node("Cast", graph.node("Unsqueeze", "attention_mask", last), to=TensorProto.FLOAT)
    total = graph.node("ReduceSum", graph.node("Mul", states, mask), axes, keepdims=0)
    mean = graph.node("Div", total, graph.node("ReduceSum", mask, axes, keepdims=0))
    return graph.node("LpNormalization", mean, axis=1, p=2)


def build_minilm(weights: Weights, *, int8_block: int | None) -> onnx.ModelProto:
    """(input_ids, attention_mask: int64 (batch, tokens)) -> embedding: float32 (batch, 384), length 1."""
    graph = GraphWriter(weights, int8_block=int8_block)
    mask = graph.node("Cast", "attention_mask", to=TensorProto.INT32)
    states = embeddings(graph)
    for index in range(LAYERS):
        states = encoder_layer(graph, states, mask, index)
    graph.nodes.append(helper.make_node("Identity", [pooled(graph, states)], ["embedding"]))
    tokens = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    answer = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", HIDDEN])
    model_graph = helper.make_graph(graph.nodes, "minilm", tokens, [answer], list(graph.constants.values()))
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(DOMAIN, 1)]
    return helper.make_model(model_graph, opset_imports=opsets, ir_version=9)
