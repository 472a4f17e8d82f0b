"""Weights in int8: what MiniLM's graph is built with, and exported towers are rewritten to.

MatMulNBits keeps a scale per block of inputs and quantises activations per row, so a vector does not depend
on what shares its batch; see minilm.INT8_BLOCK for the measured choice.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

DOMAIN = "com.microsoft"
LARGE = 1 << 20  # tables below a million numbers are not worth an int8 look-up

Floats = npt.NDArray[np.float32]


def quantise_blocks(weight: Floats, block: int) -> tuple[npt.NDArray[np.uint8], Floats]:
    """Symmetric int8 with one scale per block of inputs, stored as MatMulNBits wants it (offset 128).

    Shapes: weight (out, in) -> packed (out, in / block, block), scales (out * in / block,).
    """
    blocks = weight.reshape(weight.shape[0], -1, block)
    scales = np.maximum(np.abs(blocks).max(axis=2), np.float32(1e-12)) / np.float32(127)
    packed = (np.round(blocks / scales[..., None]) + 128).astype(np.uint8)
    return packed, scales.reshape(-1).astype(np.float32)


def quantise_rows(table: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Symmetric int8 with one scale per row. Shapes: (n, m) -> (n, m), (n, 1)."""
    scales = np.maximum(np.abs(table).max(axis=1, keepdims=True), np.float32(1e-12)) / np.float32(127)
    return np.round(table / scales).astype(np.int8), scales.astype(np.float32)


class Int8Rewriter:
    """Rewrites a graph's large float32 weights: MatMul and Gemm to MatMulNBits, Gather to an int8 look-up."""

    def __init__(self, model: onnx.ModelProto, *, block: int) -> None:
        self.model = model
        self.block = block
        self.weights = {tensor.name: tensor for tensor in model.graph.initializer}
        self.nodes: list[onnx.NodeProto] = []

    def rewrite(self) -> onnx.ModelProto:
        """The model, changed in place."""
        graph = self.model.graph
        for node in graph.node:
            weight = self.weights.get(node.input[1]) if node.op_type in ("MatMul", "Gemm") else None
            table = self.weights.get(node.input[0]) if node.op_type == "Gather" else None
            if weight is not None and len(weight.dims) == 2:
                self._matmul(node, numpy_helper.to_array(weight))
            elif table is not None and len(table.dims) == 2 and np.prod(table.dims) >= LARGE:
                self._gather(node, numpy_helper.to_array(table))
            else:
                self.nodes.append(node)
        del graph.node[:]
        graph.node.extend(self.nodes)
        used = {name for node in self.nodes for name in node.input}
        kept = [tensor for tensor in self.weights.values() if tensor.name in used]
        del graph.initializer[:]
        graph.initializer.extend(kept)
        self.model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
        return self.model

    def _store(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self.weights.setdefault(name, numpy_helper.from_array(value, name))
        return name

    def _matmul(self, node: onnx.NodeProto, weight: Floats) -> None:
        """x @ w (+ c): Gemm as exporters write it has w transposed and a bias."""
        attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        rows = weight if attributes.get("transB") else weight.T
        if rows.shape[1] % self.block:
            self.nodes.append(node)
            return
        packed, scales = quantise_blocks(np.ascontiguousarray(rows), self.block)
        name, bias = node.output[0], node.input[2:]
        inputs = [
            node.input[0],
            self._store(f"{node.input[1]}.int8", packed),
            self._store(f"{node.input[1]}.scale", scales),
        ]
        shape = {"K": rows.shape[1], "N": rows.shape[0], "bits": 8, "block_size": self.block}
        product = f"{name}.product" if bias else name
        self.nodes.append(
            helper.make_node("MatMulNBits", inputs, [product], domain=DOMAIN, accuracy_level=4, **shape)
        )
        if bias:
            self.nodes.append(helper.make_node("Add", [product, bias[0]], [name]))

    def _gather(self, node: onnx.NodeProto, table: Floats) -> None:
        packed, scales = quantise_rows(table)
        name, ids = node.output[0], node.input[1]
        rows, factor = f"{name}.rows", f"{name}.factor"
        stored = self._store(f"{node.input[0]}.int8", packed), self._store(f"{node.input[0]}.scale", scales)
        self.nodes += [
            helper.make_node("Gather", [stored[0], ids], [rows]),
            helper.make_node("Gather", [stored[1], ids], [factor]),
            helper.make_node("Cast", [rows], [f"{rows}.float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{rows}.float", factor], [name]),
        ]
