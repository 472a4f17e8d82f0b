"""Fronts of houses along a street."""

from __future__ import annotations

import random

from gpu_endpoint.training.canvas import Canvas
from gpu_endpoint.training.palette import Colour, jitter, mix

_WALLS: tuple[Colour, ...] = (
    (150, 110, 90), (130, 130, 140), (170, 160, 140), (100, 105, 120), (190, 180, 165), (120, 70, 55),
    (80, 75, 70), (205, 205, 200), (60, 60, 62), (165, 130, 95),
)  # fmt: skip


Corner = tuple[float, float, float]  # x of an edge of the wall, y of its foot and of its top, px


def along(
    canvas: Canvas, u: float, reach_m: tuple[float, float], height_m: float, rng: random.Random
) -> None:
    """A front along the road from the first to the second distance."""
    near, far = (_corner(canvas, u, 4.0 / metres, height_m) for metres in reach_m)
    _front(canvas, near, far, rng)


def across(
    canvas: Canvas, u: float, distance_m: float, width_m: float, height_m: float, rng: random.Random
) -> None:
    """A front that faces the viewer, its middle at u."""
    s = 4.0 / distance_m
    x, foot, top = _corner(canvas, u, s, height_m)
    half = canvas.camera.metre(s) * width_m / 2
    _front(canvas, (x - half, foot, top), (x + half, foot, top), rng)


def _corner(canvas: Canvas, u: float, s: float, height_m: float) -> Corner:
    x, foot = canvas.camera.paved(u, s)
    return x, foot, foot - canvas.camera.metre(s) * height_m


def _front(canvas: Canvas, near: Corner, far: Corner, rng: random.Random) -> None:
    wall = jitter(rng.choice(_WALLS), rng, 25)
    (x0, base0, top0), (x1, base1, top1) = near, far
    canvas.polygon([(x0, base0), (x1, base1), (x1, top1), (x0, top0)], wall)
    if abs(x1 - x0) >= 3:
        _windows(canvas, near, far, wall, rng)


def _windows(canvas: Canvas, near: Corner, far: Corner, wall: Colour, rng: random.Random) -> None:
    look = canvas.look
    columns, floors = rng.randint(2, 5), rng.randint(2, 6)
    shop = rng.uniform(0.12, 0.28) if not look.plain and rng.random() < 0.7 else 0.0
    inhabited = rng.random() < (0.9 if look.plain else 0.6)
    dark = (
        mix(wall, (30, 35, 45), rng.uniform(0.3, 0.9))
        if rng.random() < 0.8
        else mix(wall, (230, 235, 240), 0.5)
    )

    def patch(a0: float, a1: float, b0: float, b1: float, fill: Colour) -> None:
        spots = []
        for a, b in ((a0, b0), (a1, b0), (a1, b1), (a0, b1)):
            x, base, top = (p + (q - p) * a for p, q in zip(near, far, strict=True))
            spots.append((x, base + (top - base) * b))
        canvas.pen.polygon(spots, fill=fill)

    for floor in range(floors):
        b0 = shop + (1 - shop) * (floor + 0.25) / floors
        for column in range(columns):
            glass = canvas.lit(jitter(dark, rng, 12))
            if rng.random() < 0.4 and inhabited and look.time != "day":
                glass = jitter((245, 212, 135), rng, 25)
            patch(
                (column + 0.22) / columns,
                (column + 0.75) / columns,
                b0,
                b0 + 0.5 * (1 - shop) / floors,
                glass,
            )
    if shop:
        for _ in range(rng.randint(1, 4)):
            a0 = rng.uniform(0, 0.7)
            fill: Colour = (rng.randint(0, 255), rng.randint(0, 255), rng.randint(0, 255))
            lit_shop = look.time != "day" and rng.random() < 0.5
            fill = mix(fill, (255, 230, 180), 0.5) if lit_shop else canvas.lit(mix(fill, (60, 60, 60), 0.5))
            patch(a0, a0 + rng.uniform(0.1, 0.3), 0, shop * rng.uniform(0.5, 0.9), fill)
