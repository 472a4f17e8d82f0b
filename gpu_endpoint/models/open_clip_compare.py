"""Exported towers beside the network they came from: float32 must be the same, int8 near."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch

from gpu_endpoint.models.config import ImageInput
from gpu_endpoint.models.files import ModelFileError
from gpu_endpoint.models.int8 import Int8Rewriter
from gpu_endpoint.models.open_clip_export import BLOCK, export_images, export_texts
from gpu_endpoint.models.ports import Vectors
from gpu_endpoint.models.sessions import open_session
from gpu_endpoint.models.sheets import normalised

PROBES = 24
SAME = 0.9999  # float32 ONNX against torch: the bar
NEAR = 0.95  # int8 against float32: below it, the rounding went wrong


class Compared:
    """The network, and probes that it answers: coloured noise of several scales, and token rows."""

    def __init__(self, network: Any, image: ImageInput) -> None:
        self.network, self.image = network, image
        rng = np.random.default_rng(0)
        pixels = np.stack([blotches(rng, image.size, 2 ** (row % 6)) for row in range(PROBES)])
        context, end = int(network.context_length), int(network.vocab_size) - 1
        tokens = np.zeros((PROBES, context), np.int64)
        for row in range(PROBES):
            length = int(rng.integers(3, context))
            tokens[row, : length - 1] = rng.integers(1, end - 1, length - 1)
            tokens[row, length - 1] = end
        self.inputs = {"images": normalised(pixels, image), "texts": tokens}

    def exported(self, side: Literal["images", "texts"] | str, path: Path) -> dict[str, float]:
        """Writes one tower in int8. Raises: ModelFileError, when an export answers otherwise than torch."""
        if side == "images":
            about = {"image": self.image.model_dump_json(), "dim": str(self.network.visual.output_dim)}
            export_images(self.network, path, size=self.image.size, about=about, int8=False)
        else:
            export_texts(self.network, path, int8=False)
        wanted, exact = self.by_torch(side), self.by_onnx(side, path)
        least, _ = nearness(exact, wanted)
        if not least >= SAME:  # nor what is no number
            raise ModelFileError(f"{side}: the export has a cosine of {least:.5f} to torch; {SAME} is wanted")
        onnx.save(Int8Rewriter(onnx.load(path), block=BLOCK).rewrite(), path)
        rounded = self.by_onnx(side, path)
        least_int8, mean_int8 = nearness(rounded, exact)
        if not mean_int8 >= NEAR:
            raise ModelFileError(f"{side}: int8 has a cosine of {mean_int8:.3f} to float32; {NEAR} is wanted")
        return {
            f"{side}.torch_cosine": round(least, 6),
            f"{side}.int8_cosine": round(mean_int8, 5),
            f"{side}.int8_least_cosine": round(least_int8, 5),
            f"{side}.int8_same_neighbours": round(same_neighbours(rounded, exact), 3),
        }

    def by_torch(self, side: str) -> Vectors:
        """Unit vectors."""
        encode = self.network.encode_image if side == "images" else self.network.encode_text
        with torch.inference_mode():
            answer: Vectors = encode(torch.from_numpy(self.inputs[side]), normalize=True).numpy()
        return answer

    def by_onnx(self, side: str, path: Path) -> Vectors:
        """Unit vectors."""
        answer: Vectors = open_session(path, threads=1).run(None, {"input": self.inputs[side]})[0]
        return answer


def blotches(rng: np.random.Generator, size: int, grain: int) -> Any:
    """Noise in squares of `grain` pixels: unlike each other, as pictures are."""
    count = -(-size // grain)
    small = rng.integers(0, 256, (count, count, 3), dtype=np.uint8)
    return small.repeat(grain, axis=0).repeat(grain, axis=1)[:size, :size]


def nearness(mine: Vectors, theirs: Vectors) -> tuple[float, float]:
    """Least and mean cosine of unit vectors."""
    cosines = (mine * theirs).sum(axis=1)
    return float(cosines.min()), float(cosines.mean())


def same_neighbours(mine: Vectors, theirs: Vectors, *, first: int = 5) -> float:
    """Share of each row's nearest others that both know."""
    shares = []
    for row in range(len(mine)):
        nearest = [set(np.argsort(-(side @ side[row]))[1 : first + 1].tolist()) for side in (mine, theirs)]
        shares.append(len(nearest[0] & nearest[1]) / first)
    return float(np.mean(shares))
