"""What a device does at most in the arithmetic that a model is served in: measured, not looked up."""

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.report import machine

SIDE = 4096  # of the matrices whose product is the ceiling; smaller on a CPU
CPU_SIDE = 1536
COPIED_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class Ceiling:
    """What the device does in the arithmetic that is served."""

    device: str
    arithmetic: str
    flops: float
    bytes_per_s: float


def seconds(run: Callable[[], Any], *, at_least_s: float) -> float:
    """Of one run: the best of three rounds, each as many runs as fill the time."""
    run()
    best = float("inf")
    for _ in range(3):
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < at_least_s:
            run()
            count += 1
        best = min(best, (time.perf_counter() - began) / count)
    return best


def gpu_ceiling(at_least_s: float) -> Ceiling:
    """bfloat16 on the tensor cores, and a copy within the device's memory."""
    left, right = (torch.randn(SIDE, SIDE, device="cuda", dtype=torch.bfloat16) for _ in "ab")
    source = torch.empty(COPIED_BYTES, device="cuda", dtype=torch.uint8)
    target = torch.empty_like(source)

    def product() -> None:
        torch.matmul(left, right)
        torch.cuda.synchronize()

    def copy() -> None:
        target.copy_(source)
        torch.cuda.synchronize()

    rate = 2 * SIDE**3 / seconds(product, at_least_s=at_least_s)
    moved = 2 * COPIED_BYTES / seconds(copy, at_least_s=at_least_s)
    return Ceiling(torch.cuda.get_device_name(), "bfloat16", rate, moved)


def cpu_ceiling(at_least_s: float) -> Ceiling:
    """8 bits by 8 bits in onnxruntime on all cores, and a copy in memory."""
    from gpu_endpoint.models.sessions import open_session

    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "product.onnx"
        path.write_bytes(integer_product(rng))
        session = open_session(path, threads=os.cpu_count() or 1)
    given = {"a": rng.integers(0, 255, (CPU_SIDE, CPU_SIDE), np.uint8)}
    source = np.ones(COPIED_BYTES, np.uint8)
    target = np.empty_like(source)
    rate = 2 * CPU_SIDE**3 / seconds(lambda: session.run(None, given), at_least_s=at_least_s)
    moved = 2 * COPIED_BYTES / seconds(lambda: np.copyto(target, source), at_least_s=at_least_s)
    return Ceiling(machine(), "int8", rate, moved)


def integer_product(rng: np.random.Generator) -> bytes:
    """A graph of one matrix product, its right side constant as a layer's weights are."""
    from onnx import TensorProto, helper, numpy_helper

    weights = numpy_helper.from_array(rng.integers(-127, 127, (CPU_SIDE, CPU_SIDE), np.int8), "b")
    shape = [CPU_SIDE, CPU_SIDE]
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["c"])],
        "product",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("c", TensorProto.INT32, shape)],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())
