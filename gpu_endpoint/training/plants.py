"""Trees and bushes beside the road."""

from __future__ import annotations

import math
import random

from gpu_endpoint.training.canvas import Canvas
from gpu_endpoint.training.palette import Colour, jitter

_LEAVES: tuple[Colour, ...] = (
    (35, 90, 40),
    (60, 75, 35),
    (40, 60, 35),
    (95, 90, 45),
    (30, 50, 30),
    (120, 90, 40),
)


def tree(canvas: Canvas, u: float, size_m: float, s: float, rng: random.Random) -> None:
    """A bare tree, a fir or a leafy one, at nearness s."""
    x, y = canvas.camera.paved(u, s)
    height = max(3.0, size_m * canvas.camera.metre(s))
    canvas.box(x - height * 0.025 - 0.4, y - height * 0.5, x + height * 0.025 + 0.4, y, (70, 52, 38))
    snowy = canvas.look.weather == "snow"
    if canvas.look.plain:
        leaf = (190, 205, 205) if snowy else (35, 95, 40)
        canvas.disc(x, y - height * 0.66, height * 0.33, jitter(leaf, rng), ry=height * 0.36)
        return
    if rng.random() < (0.5 if snowy else 0.2):
        for _ in range(10):
            angle, start = rng.uniform(-1.2, 1.2), y - height * rng.uniform(0.35, 0.7)
            tip = (x + math.sin(angle) * height * 0.4, start - math.cos(angle) * height * 0.4)
            canvas.line([(x, start), tip], (70, 60, 52))
        return
    leaf = (190, 200, 202) if snowy and rng.random() < 0.6 else rng.choice(_LEAVES)
    if rng.random() < 0.25:  # a fir
        for tier in range(3):
            half, base = height * (0.3 - 0.07 * tier), y - height * (0.15 + 0.25 * tier)
            canvas.polygon(
                [(x - half, base), (x + half, base), (x, base - height * 0.42)], jitter(leaf, rng, 10)
            )
        return
    for _ in range(rng.randint(5, 9)):
        radius = height * rng.uniform(0.1, 0.22)
        canvas.disc(
            x + rng.gauss(0, height * 0.14),
            y - height * rng.uniform(0.4, 0.92),
            radius,
            jitter(leaf, rng, 25),
        )


def bush(canvas: Canvas, u: float, size_m: float, s: float, rng: random.Random) -> None:
    """A bush at nearness s."""
    x, y = canvas.camera.paved(u, s)
    height = max(1.5, size_m * canvas.camera.metre(s))
    leaf = (200, 208, 210) if canvas.look.weather == "snow" and rng.random() < 0.6 else rng.choice(_LEAVES)
    for _ in range(2):
        shift = height * rng.uniform(-0.5, 0.5)
        canvas.disc(x + shift, y - height * 0.4, height * 0.7, jitter(leaf, rng, 25), ry=height * 0.55)
