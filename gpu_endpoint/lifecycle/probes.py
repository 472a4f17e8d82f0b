"""What a new revision is asked before anybody else may ask it: fixed texts and pictures of no one's."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from gpu_endpoint.models.ports import Sheet
from sightline.contracts.inference import SheetLayout

TRIPLETS = (
    (
        "a pedestrian crossing the street at night",
        "someone walks across the road after dark",
        "a snowy mountain",
    ),
    ("heavy rain on the highway", "the motorway is wet and it pours", "a quiet village on a sunny day"),
    ("a red traffic light ahead", "the signal in front of us is red", "cows on a meadow"),
    ("a cyclist overtaking a bus", "a bike rider passes a bus", "an empty parking lot in fog"),
    (
        "disk full on db-3, no space left on device",
        "the database host ran out of disk space",
        "login page is blue",
    ),
    ("p99 latency of checkout above 2 s", "checkout responses are too slow", "a certificate was renewed"),
    ("a truck braking in a tunnel", "a lorry slows down inside a tunnel", "children play at the beach"),
    ("connection refused by the payment service", "payments cannot be reached", "the weather is nice today"),
)
"""Two sentences of one meaning, and one of another."""
TILES, TILE = 16, 128


def texts() -> tuple[str, ...]:
    """All sentences of the triplets: the probe set of text tasks."""
    return tuple(text for triplet in TRIPLETS for text in triplet)


def scene(seed: int, *, brighter: float = 0.0) -> npt.NDArray[np.uint8]:
    """A made-up view: a sky, a ground, a few blocks. Shapes: (TILE, TILE, 3)."""
    random = np.random.default_rng(seed)
    rows = np.linspace(0, 1, TILE)[:, None, None]
    picture = random.uniform(60, 220, 3) * (1 - rows) + random.uniform(10, 120, 3) * rows
    picture = np.broadcast_to(picture, (TILE, TILE, 3)).copy()
    for _ in range(5):
        top, left = random.integers(0, TILE - 40, 2)
        height, width = random.integers(12, 40, 2)
        picture[top : top + height, left : left + width] = random.uniform(0, 230, 3)
    return np.clip(picture + 255 * brighter, 0, 255).astype(np.uint8)


@cache
def sheet(*, brighter: float = 0.0) -> Sheet:
    """Sixteen scenes on one contact sheet."""
    tiles = [scene(seed, brighter=brighter) for seed in range(TILES)]
    rows = [np.concatenate(tiles[start : start + 4], axis=1) for start in range(0, TILES, 4)]
    jpeg = io.BytesIO()
    Image.fromarray(np.concatenate(rows)).save(jpeg, "JPEG", quality=95)
    return Sheet(jpeg.getvalue(), SheetLayout(columns=4, tile_width=TILE, tile_height=TILE, tiles=TILES))
