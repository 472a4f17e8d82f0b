"""Traffic lights, signs and cones."""

from __future__ import annotations

import math

from gpu_endpoint.training.canvas import Canvas
from gpu_endpoint.training.palette import Colour
from gpu_endpoint.training.stance import Stance

_POST: Colour = (100, 100, 102)


def traffic_light(canvas: Canvas, at: Stance) -> None:
    """A traffic light on a post, or hung over the road when it stands in the middle."""
    x, y, unit, variant, rng = at.x, at.y, at.unit, at.variant, at.rng
    rich = not canvas.look.plain
    width = canvas.camera.width
    over_road = abs(x - canvas.camera.vanish) < width * 0.12
    half = unit * 0.2 + width * 0.018
    half *= rng.uniform(0.65, 1.1) if rich else 1.0
    top = y - 3.1 * unit - width * 0.04
    if over_road:
        end = width if rng.random() < 0.5 else 0
        canvas.line([(x, top), (end, top - width * 0.04)], (62, 62, 62), width * 0.008)
    else:
        canvas.line([(x, y), (x, top)], (62, 62, 62), max(1.5, unit * 0.11))
    canvas.box(x - half, top, x + half, top + half * 4.8, (19, 19, 19), 0.9)
    colours: dict[str, tuple[float, Colour]] = {"red": (0, (255, 40, 35)), "green": (2, (45, 255, 125))}
    row, shine = colours[variant]
    for index in range(3):
        canvas.disc(x, top + half * (0.9 + 1.52 * index), half * 0.7, (45, 45, 45), least=0.8)
    canvas.lamp(x, top + half * (0.9 + 1.52 * row), half * 0.75, shine)


def stop_sign(canvas: Canvas, at: Stance) -> None:
    """A red octagon with a white bar."""
    x, y, unit = at.x, at.y, at.unit
    radius, top = 0.44 * unit + canvas.camera.width * 0.02, y - 2.2 * unit - canvas.camera.width * 0.03
    canvas.line([(x, y), (x, top)], _POST, max(1.5, 0.1 * unit))
    corners = [
        (x + radius * math.cos(math.pi * (2 * k + 1) / 8), top + radius * math.sin(math.pi * (2 * k + 1) / 8))
        for k in range(8)
    ]
    canvas.polygon(corners, (205, 20, 25), 0.55)
    canvas.line([*corners, corners[0]], (240, 240, 240))
    canvas.box(
        x - radius * 0.6, top - radius * 0.14, x + radius * 0.6, top + radius * 0.14, (245, 245, 245), 0.4
    )


def warning_sign(canvas: Canvas, at: Stance) -> None:
    """A yellow diamond on a post."""
    x, y, unit, rng = at.x, at.y, at.unit, at.rng
    radius, top = 0.5 * unit + canvas.camera.width * 0.012, y - 2.3 * unit
    canvas.line([(x, y), (x, top)], _POST, 0.1 * unit)
    canvas.polygon(
        [(x, top - radius), (x + radius, top), (x, top + radius), (x - radius, top)], (245, 195, 25), 0.55
    )
    mark = rng.choice((-0.3, 0.0, 0.3))
    canvas.line(
        [(x - radius * mark, top + radius * 0.45), (x, top), (x + radius * mark, top - radius * 0.45)],
        (20, 20, 20),
        radius * 0.18,
    )


def cones(canvas: Canvas, at: Stance) -> None:
    """Orange cones with a white band, or a striped barrel."""
    x, y, unit, rng = at.x, at.y, at.unit, at.rng
    rich = not canvas.look.plain
    places = rng.choice(((0.0,), (-0.5, 0.4), (-0.63, 0.0, 0.63))) if rich else (-0.63, 0.0, 0.63)
    least = 0.3 if rich else 0.55
    if rich and rng.random() < 0.2:
        for band, colour in enumerate(((235, 95, 30), (245, 245, 245), (235, 95, 30), (245, 245, 245))):
            base = y - band * 0.28 * unit
            canvas.box(x - 0.3 * unit, base - 0.28 * unit, x + 0.3 * unit, base, colour, least)
        return
    for place in places:
        centre, height = x + place * unit, 0.82 * unit * (rng.uniform(0.85, 1.15) if rich else 1)
        canvas.polygon(
            [(centre, y - height), (centre + 0.24 * unit, y), (centre - 0.24 * unit, y)],
            (255, 110, 12),
            least,
        )
        canvas.polygon(
            [
                (centre - 0.09 * unit, y - height * 0.62),
                (centre + 0.09 * unit, y - height * 0.62),
                (centre + 0.14 * unit, y - height * 0.38),
                (centre - 0.14 * unit, y - height * 0.38),
            ],
            (250, 250, 250),
        )
