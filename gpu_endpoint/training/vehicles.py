"""Cars, trucks and buses. Every painter takes the foot point, px per metre, variant."""

from __future__ import annotations

import random

from gpu_endpoint.training.canvas import Canvas
from gpu_endpoint.training.palette import CAR_COLOURS, Colour, jitter, mix
from gpu_endpoint.training.stance import Stance

_CARGO: tuple[Colour, ...] = ((200, 195, 185), (225, 225, 225), (150, 60, 50), (60, 80, 130), (120, 120, 115))
_BUSES: tuple[Colour, ...] = ((225, 120, 20), (200, 50, 45), (225, 180, 40), (60, 110, 70), (60, 90, 160))


def _tint(colour: Colour, rng: random.Random) -> Colour:
    return jitter(colour, rng, 12)


def shadow(canvas: Canvas, x: float, y: float, width: float, height: float) -> None:
    """The dark under a vehicle."""
    canvas.disc(x, y, width * 0.53, mix(canvas.look.asphalt, (10, 10, 10), 0.8), ry=height * 0.08)


def wheels(canvas: Canvas, x: float, y: float, width: float, height: float) -> None:
    """Two wheels, as seen from behind."""
    for share in (-0.39, 0.25):
        left = x + width * share
        canvas.box(left, y - height * 0.15, left + width * 0.15, y, (13, 13, 13))


def tail_lamps(canvas: Canvas, x: float, y: float, width: float, *, front: bool, braking: bool) -> None:
    """Tail lamps, or headlamps of an oncoming vehicle."""
    dark = canvas.look.time != "day"
    if front:
        colour: Colour = (255, 250, 225) if dark else (215, 215, 210)
    else:
        colour = (255, 35, 30) if dark or braking else (150, 22, 22)
    for side in (-0.42, 0.42):
        canvas.lamp(x + width * side, y, max(0.8, width * 0.052), colour)


def car(canvas: Canvas, at: Stance) -> None:
    """A car seen from behind, from the front or from the side."""
    x, y, unit, variant, rng = at.x, at.y, at.unit, at.variant, at.rng
    body, glass = _tint(CAR_COLOURS[variant], rng), jitter((60, 78, 96), rng, 15)
    rich = not canvas.look.plain
    if rich and at.seen("side", 0.15):
        _car_side(canvas, x, y, unit, body, glass, rng)
        return
    front = rich and at.seen("front", 0.3)
    width = 1.85 * unit * (rng.uniform(0.9, 1.1) if rich else 1)
    height = width * (rng.uniform(0.6, 0.85) if rich else 0.62)
    left, right = x - width / 2, x + width / 2
    roof = width * (rng.uniform(0.05, 0.2) if rich else 0.16)
    shadow(canvas, x, y, width, height)
    canvas.polygon(
        [(left + roof, y - height * 0.96), (right - roof, y - height * 0.96),
         (right - width * 0.02, y - height * 0.52), (left + width * 0.02, y - height * 0.52)],
        mix(body, (255, 255, 255), 0.15 if rich else 0),
    )  # fmt: skip
    canvas.polygon(
        [(left + roof + width * 0.04, y - height * 0.9), (right - roof - width * 0.04, y - height * 0.9),
         (right - width * 0.1, y - height * 0.56), (left + width * 0.1, y - height * 0.56)], glass,
    )  # fmt: skip
    canvas.round_box(left, y - height * 0.57, right, y - height * 0.11, body, height * 0.11)
    if rich:
        canvas.box(
            left + width * 0.03,
            y - height * 0.26,
            right - width * 0.03,
            y - height * 0.12,
            mix(body, (0, 0, 0), 0.4),
        )
        plate: Colour = (35, 35, 38) if front else (225, 225, 200)
        canvas.box(x - width * 0.14, y - height * 0.3, x + width * 0.14, y - height * 0.2, plate)
    wheels(canvas, x, y, width, height)
    tail_lamps(canvas, x, y - height * 0.39, width, front=front, braking=rng.random() < 0.3 and rich)


def _car_side(
    canvas: Canvas, x: float, y: float, unit: float, body: Colour, glass: Colour, rng: random.Random
) -> None:
    length, height = 4.0 * unit, 1.4 * unit * rng.uniform(0.9, 1.1)
    left, right = x - length / 2, x + length / 2
    shadow(canvas, x, y, length, height)
    canvas.polygon(
        [(left + length * 0.2, y - height * 0.6), (left + length * 0.32, y - height),
         (right - length * 0.25, y - height), (right - length * 0.1, y - height * 0.6)], glass,
    )  # fmt: skip
    canvas.line([(left + length * 0.32, y - height), (right - length * 0.25, y - height)], body, height * 0.1)
    canvas.line([(x, y - height), (x, y - height * 0.6)], body, height * 0.06)
    canvas.round_box(left, y - height * 0.63, right, y - height * 0.18, body, height * 0.15)
    for wheel in (left + length * 0.2, right - length * 0.2):
        canvas.disc(wheel, y - height * 0.2, height * 0.22, (16, 16, 16))
        canvas.disc(wheel, y - height * 0.2, height * 0.1, (140, 140, 140))


def truck(canvas: Canvas, at: Stance) -> None:
    """A box truck or lorry."""
    x, y, unit, rng = at.x, at.y, at.unit, at.rng
    rich = not canvas.look.plain
    colour = jitter(rng.choice(_CARGO) if rich and rng.random() < 0.6 else _CARGO[0], rng)
    width = 2.31 * unit * (rng.uniform(0.95, 1.15) if rich else 1)
    height = width * (rng.uniform(1.0, 1.35) if rich else 1.15)
    left, right, top = x - width / 2, x + width / 2, y - height
    shadow(canvas, x, y, width, height)
    if rich and abs(x - canvas.camera.vanish) > width * 0.3 and rng.random() < 0.7:  # its flank
        back = -1 if x > canvas.camera.vanish else 1
        edge, depth = (left if back < 0 else right), width * rng.uniform(0.15, 0.5) * back
        canvas.polygon(
            [
                (edge, top),
                (edge + depth, top + height * 0.12),
                (edge + depth, y - height * 0.22),
                (edge, y - height * 0.14),
            ],
            mix(colour, (0, 0, 0), 0.3),
        )
    canvas.box(left, top, right, y - height * 0.14, colour)
    front = rich and at.seen("front", 0.25)
    if front:
        canvas.box(
            left + width * 0.08, top + height * 0.3, right - width * 0.08, top + height * 0.58, (50, 62, 75)
        )
        canvas.box(left + width * 0.2, y - height * 0.34, right - width * 0.2, y - height * 0.2, (40, 40, 42))
    else:
        canvas.line([(x, top), (x, y - height * 0.14)], mix(colour, (60, 60, 60), 0.7), width * 0.016)
        for edge in (left, right):
            canvas.line([(edge, top), (edge, y - height * 0.14)], mix(colour, (60, 60, 60), 0.7))
        if rich and rng.random() < 0.35:
            stripe: Colour = (rng.randint(0, 220), rng.randint(20, 120), rng.randint(40, 160))
            canvas.box(
                left + width * 0.2, top + height * 0.3, right - width * 0.2, top + height * 0.42, stripe
            )
    canvas.box(left, y - height * 0.2, right, y - height * 0.11, (56, 56, 58))
    wheels(canvas, x, y, width, height)
    tail_lamps(canvas, x, y - height * 0.2, width, front=front, braking=rich and rng.random() < 0.3)


def bus(canvas: Canvas, at: Stance) -> None:
    """A bus with its row of windows."""
    x, y, unit, rng = at.x, at.y, at.unit, at.rng
    rich = not canvas.look.plain
    colour = jitter(rng.choice(_BUSES) if rich and rng.random() < 0.6 else _BUSES[0], rng)
    width = 2.4 * unit
    height = width * (rng.uniform(0.9, 1.15) if rich else 0.95)
    left, right, top = x - width / 2, x + width / 2, y - height
    glass = jitter((50, 70, 90), rng, 10)
    shadow(canvas, x, y, width, height)
    if rich and rng.random() < 0.5:  # its long flank with windows
        back = -1 if x > canvas.camera.vanish else 1
        edge, depth = (left if back < 0 else right), width * rng.uniform(0.3, 0.8) * back
        canvas.polygon(
            [
                (edge, top),
                (edge + depth, top + height * 0.15),
                (edge + depth, y - height * 0.25),
                (edge, y - height * 0.08),
            ],
            mix(colour, (0, 0, 0), 0.2),
        )
        canvas.polygon(
            [
                (edge, top + height * 0.14),
                (edge + depth, top + height * 0.25),
                (edge + depth, top + height * 0.48),
                (edge, top + height * 0.5),
            ],
            glass,
        )
    canvas.round_box(left, top, right, y - height * 0.09, colour, height * 0.1)
    canvas.box(left + width * 0.08, top + height * 0.12, right - width * 0.08, top + height * 0.52, glass)
    for share in (-0.2, 0.0, 0.2):
        canvas.line(
            [(x + width * share, top + height * 0.12), (x + width * share, top + height * 0.52)], colour
        )
    if rich:
        board: Colour = (20, 20, 20) if canvas.look.time == "day" else (255, 190, 60)
        canvas.box(
            left + width * 0.25, top + height * 0.02, right - width * 0.25, top + height * 0.09, board, 0.8
        )
        canvas.box(left, y - height * 0.3, right, y - height * 0.22, mix(colour, (0, 0, 0), 0.35))
    wheels(canvas, x, y, width, height)
    tail_lamps(canvas, x, y - height * 0.22, width, front=rich and at.seen("front", 0.4), braking=False)
