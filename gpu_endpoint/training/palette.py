"""Colours and 1/f textures that every painter of the renderer shares."""

from __future__ import annotations

import functools
import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Colour = tuple[int, int, int]
Floats = NDArray[np.float32]

TILE = 256  # side of a texture tile, px

CAR_COLOURS: dict[str, Colour] = {
    "red": (190, 30, 30), "blue": (33, 68, 180), "white": (230, 230, 230), "black": (27, 27, 30),
    "yellow": (230, 194, 34), "green": (34, 122, 60), "silver": (150, 155, 160), "orange": (225, 110, 25),
    "brown": (96, 64, 42),
}  # fmt: skip
CAR_WEIGHTS = (1.3, 1.3, 1.6, 1.5, 1.0, 1.0, 1.6, 0.4, 0.4)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The first colour with a share (0-1) of the second."""
    red, green, blue = (int(a * (1 - share) + b * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def jitter(colour: Colour, rng: random.Random, spread: float = 18) -> Colour:
    """The colour made lighter or darker at random, and its hue moved a little."""
    shift, hue = rng.uniform(-spread, spread), spread * 0.4
    red, green, blue = (max(0, min(255, int(v + shift + rng.uniform(-hue, hue)))) for v in colour)
    return red, green, blue


def shade(colour: Colour, light: float) -> Colour:
    """The colour under a given light (1 = full daylight)."""
    red, green, blue = (max(0, min(255, int(v * light))) for v in colour)
    return red, green, blue


@functools.cache
def texture_bank() -> Floats:
    """Tiles of 1/f noise, mean 0, deviation 1. Shapes: (32, TILE, TILE)."""
    generator = np.random.default_rng(11)
    rows, columns = np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None]
    radius = np.maximum(np.hypot(rows, columns), 1 / TILE)
    tiles = []
    for slope in np.linspace(0.5, 1.8, 32):
        spectrum = np.fft.rfft2(generator.normal(size=(TILE, TILE))) / radius**slope
        tile = np.fft.irfft2(spectrum, s=(TILE, TILE))
        tiles.append((tile / tile.std()).astype(np.float32))
    return np.stack(tiles)


def texture(rng: random.Random, width: int, height: int) -> Floats:
    """A random texture that fills width x height."""
    tile = texture_bank()[rng.randrange(32)]
    tile = np.roll(tile, (rng.randrange(TILE), rng.randrange(TILE)), (0, 1))
    if rng.random() < 0.5:
        tile = np.ascontiguousarray(tile[:, ::-1])
    if width <= TILE and height <= TILE:
        cut: Floats = tile[:height, :width]
        return cut
    scaled = Image.fromarray(tile).resize((width, height), Image.Resampling.BILINEAR)
    stretched: Floats = np.asarray(scaled, np.float32)
    return stretched
