"""What runs along a road: concrete and rails on highways, walls and hedges behind a street's pavement."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from gpu_endpoint.training.canvas import Canvas
from gpu_endpoint.training.palette import Colour, jitter, mix

_CONCRETE: tuple[Colour, ...] = (
    (165, 168, 172), (140, 138, 132), (120, 118, 112), (190, 188, 182), (88, 84, 74)
)  # fmt: skip
_STEEL: tuple[Colour, ...] = ((165, 168, 172), (130, 132, 134), (110, 104, 92), (195, 197, 200))
_BRICK: tuple[Colour, ...] = ((130, 85, 65), (160, 125, 95), (105, 100, 92), (175, 165, 145))
_HEDGE: tuple[Colour, ...] = ((50, 75, 40), (75, 90, 50), (95, 90, 60), (35, 55, 35))
_OFTEN = {"highway": 0.85, "rural": 0.2, "city": 0.4}  # on each side
_KINDS = {
    "highway": ("concrete",) * 5 + ("rail",) * 5 + ("topped", "topped", "tall"),
    "rural": ("rail", "rail", "wall", "hedge"),
    "city": ("wall", "wall", "hedge", "railing"),
}
_DEPTHS = (0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.55, 0.7, 0.9, 1.1, 1.5, 2.2)


@dataclass(frozen=True, kw_only=True)
class Barrier:
    """One along the whole road; heights are in heights of the camera, which hangs some 1.3 m up."""

    kind: str
    u: float  # half road widths from the road's middle; negative is left
    height: float
    seed: int = 0


def random_barriers(rng: random.Random, road: str, reach: float) -> tuple[Barrier, ...]:
    """What that kind of road has on either side; `reach` is where its paved shoulder ends."""
    return tuple(_random_barrier(rng, road, side, reach) for side in (-1, 1) if rng.random() < _OFTEN[road])


def _random_barrier(rng: random.Random, road: str, side: int, reach: float) -> Barrier:
    kind = rng.choice(_KINDS[road])
    pavement = rng.uniform(0.25, 0.9) if road == "city" else rng.choice((rng.uniform(0.02, 0.15), 0.4))
    height = rng.uniform(*_SHAPES[kind].heights)
    return Barrier(kind=kind, u=side * (reach + pavement), height=height, seed=rng.getrandbits(32))


def paint_barrier(canvas: Canvas, barrier: Barrier) -> None:
    """Paint the barrier from the horizon to beside the viewer."""
    shape, rng = _SHAPES[barrier.kind], random.Random(barrier.seed)
    canvas.fade = 0.0
    shape.paint(canvas, barrier, jitter(rng.choice(shape.colours), rng, 10), rng)


def _band(canvas: Canvas, barrier: Barrier, low: float, high: float, colour: Colour) -> None:
    """A strip of the barrier between two shares of its height."""
    foot = [_at(canvas, barrier, s, low) for s in _DEPTHS]
    canvas.polygon(foot + [_at(canvas, barrier, s, high) for s in reversed(_DEPTHS)], colour)


def _at(canvas: Canvas, barrier: Barrier, s: float, share: float) -> tuple[float, float]:
    x, y = canvas.camera.paved(barrier.u, s)
    return x, y - share * barrier.height * (canvas.camera.height - canvas.camera.horizon) * s


def _posts(canvas: Canvas, barrier: Barrier, colour: Colour, gap_m: float, *, high: float = 1.0) -> None:
    for k in range(1, 14):
        s = 4.0 / (1.6 + k * gap_m)
        low, top = _at(canvas, barrier, s, 0), _at(canvas, barrier, s, high)
        canvas.line([low, top], colour, 0.1 * canvas.camera.metre(s))


def _solid(canvas: Canvas, barrier: Barrier, colour: Colour, rng: random.Random) -> None:
    """Concrete, brick or leaves: stained below, bright or dark along its top, some with joints."""
    _band(canvas, barrier, 0.0, 1.0, colour)
    _band(canvas, barrier, 0.0, rng.uniform(0.15, 0.5), mix(colour, (40, 38, 34), rng.uniform(0.0, 0.45)))
    edge = rng.choice(((225, 225, 220), (60, 58, 52)))
    _band(canvas, barrier, rng.uniform(0.86, 0.95), 1.0, mix(colour, edge, rng.uniform(0.1, 0.6)))
    if rng.random() < 0.5:
        _posts(canvas, barrier, mix(colour, (50, 50, 50), 0.3), rng.uniform(3, 8))


def _rail(canvas: Canvas, barrier: Barrier, colour: Colour, rng: random.Random) -> None:
    """One or two beams on posts: what is behind shows between."""
    _posts(canvas, barrier, mix(colour, (60, 60, 60), 0.4), rng.uniform(1.5, 4), high=0.9)
    _band(canvas, barrier, rng.uniform(0.5, 0.65), 1.0, colour)
    _band(canvas, barrier, 0.76, 0.82, mix(colour, (50, 50, 50), 0.5))  # the beam's fold
    if rng.random() < 0.4:
        _band(canvas, barrier, 0.2, 0.4, colour)


def _topped(canvas: Canvas, barrier: Barrier, colour: Colour, rng: random.Random) -> None:
    """A low wall with one or two beams above, as bridges have."""
    foot = rng.uniform(0.3, 0.6)
    _band(canvas, barrier, 0.0, foot, colour)
    _posts(canvas, barrier, mix(colour, (90, 90, 90), 0.3), rng.uniform(1.5, 4))
    steel = jitter(rng.choice(_STEEL), rng, 10)
    for low in (0.88, 0.68)[: rng.choice((1, 2))]:
        _band(canvas, barrier, low, low + 0.12, steel)


def _railing(canvas: Canvas, barrier: Barrier, colour: Colour, rng: random.Random) -> None:
    """Thin bars between pavement and street."""
    _posts(canvas, barrier, colour, rng.uniform(0.6, 1.5))
    for low in (0.94, 0.15):
        _band(canvas, barrier, low, low + 0.06, colour)


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """How a kind of barrier is painted, how high it is, and in what it comes."""

    paint: Callable[[Canvas, Barrier, Colour, random.Random], None]
    heights: tuple[float, float]
    colours: tuple[Colour, ...]


_SHAPES = {
    "concrete": _Shape(paint=_solid, heights=(0.45, 0.9), colours=_CONCRETE),
    "tall": _Shape(paint=_solid, heights=(1.4, 3.5), colours=_CONCRETE),  # against noise
    "rail": _Shape(paint=_rail, heights=(0.4, 0.75), colours=_STEEL),
    "topped": _Shape(paint=_topped, heights=(0.5, 1.0), colours=_CONCRETE),
    "railing": _Shape(paint=_railing, heights=(0.6, 0.9), colours=((50, 52, 55), (120, 122, 125))),
    "wall": _Shape(paint=_solid, heights=(0.6, 1.8), colours=_BRICK),
    "hedge": _Shape(paint=_solid, heights=(0.6, 1.8), colours=_HEDGE),
}
