"""What is painted on a road beside its lines: arrows, hatching, zigzags, boxes at junctions, stop lines."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from gpu_endpoint.training.canvas import Canvas
from gpu_endpoint.training.palette import Colour

_OFTEN = {"city": 0.7, "rural": 0.08, "highway": 0.08}
_KINDS = {
    "city": ("arrow",) * 3
    + ("hatching",) * 2
    + ("zigzag", "box", "stop line", "letters", "kerb lines", "cycle lane"),
    "rural": ("stop line", "hatching"),
    "highway": ("arrow", "hatching"),
}


@dataclass(frozen=True, kw_only=True)
class RoadMark:
    """One marking: from `near` to `far` (nearness) around u, in half road widths from the road's middle."""

    kind: str
    u: float
    near: float
    far: float
    half: float  # of its width, in half road widths


def random_roadmarks(rng: random.Random, road: str) -> tuple[RoadMark, ...]:
    """What that kind of road has on it: streets much, other roads seldom."""
    if rng.random() >= _OFTEN[road]:
        return ()
    return tuple(_random_mark(rng, rng.choice(_KINDS[road])) for _ in range(rng.choice((1, 1, 2, 3, 4))))


def _random_mark(rng: random.Random, kind: str) -> RoadMark:
    near, shape = rng.uniform(0.18, 0.95), _SHAPES[kind]
    half = rng.uniform(*shape.half)
    reach = max(0.0, 0.95 - half)
    return RoadMark(
        kind=kind, u=rng.uniform(-reach, reach), near=near, far=near * rng.uniform(*shape.shrinks), half=half
    )  # fmt: skip


_Points = list[tuple[float, float]]
_Stroke = Callable[[_Points], None]


def paint_roadmark(canvas: Canvas, mark: RoadMark, colour: Colour, least: float) -> None:
    """Paint the marking in the given colour, at least as bright as `least` (0-1) of daylight makes it."""

    def stroke(points: _Points) -> None:
        for (u0, s0), (u1, s1) in pairwise(points):
            across = abs(s1 - s0) < 0.02
            du, ds = (0.0, 0.03 * s0) if across else (shape.stroke, 0.0)
            corners = ((u0 - du, s0 - ds), (u0 + du, s0 + ds), (u1 + du, s1 + ds), (u1 - du, s1 - ds))
            canvas.polygon([canvas.camera.paved(u, s) for u, s in corners], shape.colour or colour, least)

    canvas.fade = 0.0
    shape = _SHAPES[mark.kind]
    shape.paint(mark, stroke)


def _between(mark: RoadMark, share: float) -> float:
    """Nearness at a share of the marking's length, which is even on the road and not in the picture."""
    return 1 / ((1 - share) / mark.near + share / mark.far)


def _arrow(mark: RoadMark, stroke: _Stroke) -> None:
    neck = _between(mark, 0.6)
    stroke([(mark.u, mark.near), (mark.u, neck)])
    for k in range(3):  # a filled head, as three angles in each other
        half = mark.half * (1 - k / 3)
        stroke([(mark.u - half, neck), (mark.u, mark.far)])
        stroke([(mark.u + half, neck), (mark.u, mark.far)])


def _hatching(mark: RoadMark, stroke: _Stroke) -> None:
    stroke([(mark.u - mark.half, mark.near), (mark.u, mark.far)])
    stroke([(mark.u + mark.half, mark.near), (mark.u, mark.far)])
    for k in range(6):
        half = mark.half * (1 - k / 6)
        stroke([(mark.u - half, _between(mark, k / 6)), (mark.u + half * 0.6, _between(mark, (k + 1) / 6))])


def _zigzag(mark: RoadMark, stroke: _Stroke) -> None:
    stroke([(mark.u + mark.half * (-1) ** k, _between(mark, k / 8)) for k in range(9)])


def _box(mark: RoadMark, stroke: _Stroke) -> None:
    left, right = mark.u - mark.half, mark.u + mark.half
    stroke([(left, mark.near), (right, mark.near), (right, mark.far), (left, mark.far), (left, mark.near)])
    for k in range(4):
        here, there = _between(mark, k / 4), _between(mark, (k + 1) / 4)
        stroke([(left, here), (right, there)])
        stroke([(right, here), (left, there)])


def _stop_line(mark: RoadMark, stroke: _Stroke) -> None:
    stroke([(mark.u - mark.half, mark.near), (mark.u + mark.half, mark.near)])


def _letters(mark: RoadMark, stroke: _Stroke) -> None:
    for k in range(4):
        u = mark.u + mark.half * (k / 2 - 0.75)
        stroke([(u - 0.02, mark.near), (u + 0.02 * (k % 2), mark.far), (u + 0.03, mark.near)])


def _kerb_lines(mark: RoadMark, stroke: _Stroke) -> None:
    for u in (mark.half - 0.05, mark.half):
        stroke([(-u, 0.05), (-u, 1.05)])
        stroke([(u, 0.05), (u, 1.05)])


def _cycle_lane(mark: RoadMark, stroke: _Stroke) -> None:
    side = -mark.half if mark.u < 0 else mark.half
    stroke([(side, 0.05), (side, 1.05)])


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """How a kind of marking is painted, and how large it is."""

    paint: Callable[[RoadMark, _Stroke], None]
    half: tuple[float, float]  # of its width, in half road widths: least and most
    shrinks: tuple[float, float] = (0.2, 0.5)  # nearness of its far end, as a share of its near end's
    stroke: float = 0.012  # half of a line's width, in half road widths
    colour: Colour | None = None  # where it has one of its own


_SHAPES = {
    "arrow": _Shape(paint=_arrow, half=(0.06, 0.11), shrinks=(0.35, 0.55), stroke=0.018),
    "hatching": _Shape(paint=_hatching, half=(0.08, 0.25)),
    "zigzag": _Shape(paint=_zigzag, half=(0.03, 0.05)),
    "box": _Shape(paint=_box, half=(0.3, 0.9)),
    "stop line": _Shape(paint=_stop_line, half=(0.4, 0.95)),
    "letters": _Shape(paint=_letters, half=(0.1, 0.14), shrinks=(0.7, 0.8)),
    "kerb lines": _Shape(paint=_kerb_lines, half=(0.95, 0.95), stroke=0.008, colour=(215, 180, 60)),
    "cycle lane": _Shape(paint=_cycle_lane, half=(0.75, 0.85), stroke=0.13, colour=(140, 85, 78)),
}
