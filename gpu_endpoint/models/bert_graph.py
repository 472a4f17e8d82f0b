"""BERT as an ONNX graph, built straight from a checkpoint's tensors: no torch.

Source: Devlin et al. 2018 (arXiv:1810.04805) for the arithmetic; the tensors' names are those of
transformers' BertModel (token_checkpoints.py gives other families theirs).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from gpu_endpoint.models.int8 import DOMAIN, quantise_blocks, quantise_rows

ACTIVATIONS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "gelu": ("Gelu", {}),
    "gelu_new": ("Gelu", {"approximate": "tanh"}),
    "gelu_pytorch_tanh": ("Gelu", {"approximate": "tanh"}),
    "relu": ("Relu", {}),
}
Array = npt.NDArray[np.generic]
Weights = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class BertShape:
    """What of a checkpoint its tensors do not say. The defaults are MiniLM's."""

    layers: int = 6
    heads: int = 12
    epsilon: float = 1e-12
    activation: str = "gelu"
    first_position: int = 0
    """RoBERTa counts from 2."""


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

    def answer(self, source: str, name: str) -> None:
        """Gives a tensor the name by which it is asked for."""
        self.nodes.append(helper.make_node("Identity", [source], [name]))

    def linear(self, source: str, weight: npt.NDArray[np.float32], name: str) -> str:
        """source @ weight.T without bias; weight has torch's shape (out, in)."""
        if self.int8_block is None or weight.shape[1] % self.int8_block:
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

    def dense(self, source: str, prefix: str) -> str:
        """A linear layer with bias."""
        product = self.linear(source, self.weights[f"{prefix}.weight"], f"{prefix}.weight")
        return self.node("Add", product, self.weight(f"{prefix}.bias"))

    def normalised(self, source: str, prefix: str, epsilon: float) -> str:
        """Layer normalisation with the checkpoint's scale and shift."""
        return self.node(
            "LayerNormalization",
            source,
            self.weight(f"{prefix}.LayerNorm.weight"),
            self.weight(f"{prefix}.LayerNorm.bias"),
            axis=-1,
            epsilon=epsilon,
        )


def encoder_layer(graph: GraphWriter, source: str, mask: str, shape: BertShape, index: int) -> str:
    """Self-attention and feed-forward of one layer."""
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
        num_heads=shape.heads,
    )
    attended = graph.dense(attended, f"{prefix}.attention.output.dense")
    middle = graph.normalised(
        graph.node("Add", attended, source), f"{prefix}.attention.output", shape.epsilon
    )
    operation, how = ACTIVATIONS[shape.activation]
    wide = graph.node(operation, graph.dense(middle, f"{prefix}.intermediate.dense"), **how)
    added = graph.node("Add", graph.dense(wide, f"{prefix}.output.dense"), middle)
    return graph.normalised(added, f"{prefix}.output", shape.epsilon)


def embeddings(graph: GraphWriter, shape: BertShape) -> str:
    """Word, position and segment embeddings, normalised. All text is segment 0."""
    words = graph.lookup("input_ids", "embeddings.word_embeddings.weight")
    table = graph.weights["embeddings.position_embeddings.weight"][shape.first_position :]
    if "embeddings.token_type_embeddings.weight" in graph.weights:
        table = table + graph.weights["embeddings.token_type_embeddings.weight"][0]
    length = graph.node("Shape", "input_ids", start=1, end=2)
    start = graph.constant("zero", np.array([0], np.int64))
    places = graph.node("Slice", graph.constant("positions", table), start, length, start)
    whole = graph.normalised(graph.node("Add", words, places), "embeddings", shape.epsilon)
    return graph.dense(whole, "embeddings_project") if "embeddings_project.weight" in graph.weights else whole


def encoder_states(graph: GraphWriter, shape: BertShape) -> list[str]:
    """The token states after the embeddings and after every layer."""
    mask = graph.node("Cast", "attention_mask", to=TensorProto.INT32)
    states = [embeddings(graph, shape)]
    for index in range(shape.layers):
        states.append(encoder_layer(graph, states[-1], mask, shape, index))
    return states


def finished(graph: GraphWriter, answers: Mapping[str, Sequence[str | int]]) -> onnx.ModelProto:
    """The model: (input_ids, attention_mask: int64 (batch, tokens)) -> the answers, float32."""
    tokens = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)) for name, shape in answers.items()
    ]
    whole = helper.make_graph(graph.nodes, "bert", tokens, outputs, list(graph.constants.values()))
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(DOMAIN, 1)]
    return helper.make_model(whole, opset_imports=opsets, ir_version=9)
