"""What training scenes vary beyond a drive's: lanes, shoulders, a second carriageway, scrub, slopes."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

from gpu_endpoint.training.barriers import Barrier, random_barriers
from gpu_endpoint.training.camera import Camera
from gpu_endpoint.training.look import Look
from gpu_endpoint.training.palette import Colour, jitter
from gpu_endpoint.training.roadmarks import RoadMark, random_roadmarks
from gpu_endpoint.training.roadside import Prop, street

_SCRUB: tuple[Colour, ...] = (
    (95, 105, 60), (70, 85, 50), (130, 120, 75), (150, 140, 95), (55, 75, 40), (110, 95, 60)
)  # fmt: skip
_DRY: tuple[Colour, ...] = ((165, 145, 100), (150, 130, 90), (165, 100, 70), (185, 165, 125), (120, 110, 80))
_WHITE: Colour = (225, 225, 225)
_LANES: dict[str, tuple[tuple[float, ...], ...]] = {
    "highway": (
        (-0.34, 0.34),
        (-0.5, 0.0, 0.5),
        (-0.3, 0.3),
        (-0.6, -0.2, 0.2, 0.6),
        (-0.45, 0.2),
        (-0.1, 0.5),
    ),
    "rural": ((0.0,), (0.0,), (0.0,), ()),
    "city": (
        (0.0,),
        (0.0,),
        (),
        (-0.35, 0.35),
        (-0.1,),
        (-0.5, 0.0, 0.5),
        (-0.3, 0.3),
        (0.0, 0.5),
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Wayside:
    """How the road is cut and marked, and what grows beside it."""

    lanes: tuple[float, ...]
    double: bool  # a double line in the middle
    solid: bool
    dash: float  # share of a broken line that is painted
    yellow: bool  # the middle line
    left_edge: Colour | None  # None leaves the edge line out
    right_edge: Colour | None
    shoulder: float = 0.0  # paved, beyond the edge line, in half road widths
    gravel: float = 0.0  # unpaved, beyond the shoulder
    opposite: tuple[float, float] | None = None  # another carriageway: from and to, in half road widths
    scrub: tuple[tuple[float, float, float, Colour], ...] = ()  # u, nearness, size in metres, colour
    marks: tuple[RoadMark, ...] = ()
    barriers: tuple[Barrier, ...] = ()

    def beyond(self, u: float) -> bool:
        """Whether a barrier stands between the road and u, in half road widths from the road's middle."""
        return any(b.u * u > 0 and abs(u) > abs(b.u) for b in self.barriers)


def random_wayside(rng: random.Random, road: str) -> Wayside:
    """A cut of the road as that kind of road has it."""
    marked = 0.4 if road == "city" else 0.75  # how often the left edge has a line
    double = (road == "rural" and rng.random() < 0.45) or (road == "city" and rng.random() < 0.25)
    left: Colour | None = _WHITE if rng.random() < marked else None
    if road == "highway" and rng.random() < 0.3:
        left = (215, 185, 70)
    opposite = _opposite(rng) if road == "highway" and rng.random() < 0.5 else None
    shoulder = _shoulder(rng, road)
    lanes, solid = rng.choice(_LANES[road]), rng.random() < (0.1 if road == "highway" else 0.4)
    yellow = rng.random() < {"highway": 0.0, "rural": 0.65, "city": 0.4}[road]
    right = _WHITE if rng.random() < (0.4 if road == "city" else 0.8) else None
    gravel = rng.uniform(0.05, 0.4) if road == "rural" and rng.random() < 0.5 else 0.0
    return Wayside(
        lanes=lanes, double=double, solid=solid, dash=rng.uniform(0.22, 0.5),
        yellow=yellow, left_edge=left, right_edge=right,
        shoulder=shoulder, gravel=gravel, opposite=opposite, scrub=_random_scrub(rng, road),
        marks=random_roadmarks(rng, road), barriers=random_barriers(rng, road, 1 + shoulder),
    )  # fmt: skip


def _opposite(rng: random.Random) -> tuple[float, float]:
    side, gap, width = rng.choice((-1, -1, 1)), rng.uniform(1.2, 2.0), rng.uniform(1.0, 2.2)
    return side * gap, side * (gap + width)


def _shoulder(rng: random.Random, road: str) -> float:
    widths = {
        "highway": rng.choice((0.0, rng.uniform(0.05, 0.5))),
        "rural": rng.choice((0.0, 0.0, 0.08)),
        "city": rng.choice((0.0, 0.0, 0.0, rng.uniform(0.1, 2.5))),  # an open junction
    }
    return widths[road]


def _random_scrub(rng: random.Random, road: str) -> tuple[tuple[float, float, float, Colour], ...]:
    count = rng.choice({"city": (0, 0, 0, 30), "highway": (0, 0, 40, 90), "rural": (0, 60, 120, 160)}[road])
    base, nearest = rng.choice(_SCRUB), 1.2 if road != "highway" else 1.6
    return tuple(
        (rng.choice((-1, 1)) * (nearest + rng.expovariate(0.6)), 4.3 / rng.uniform(4.5, 60),
         rng.uniform(0.15, 0.7), jitter(base, rng, 22))
        for _ in range(count)
    )  # fmt: skip


def vary_look(look: Look, rng: random.Random) -> Look:
    """Dry land beside open roads, bleached asphalt."""
    if look.road != "city" and look.weather != "snow" and rng.random() < 0.35:
        look = replace(look, ground=jitter(rng.choice(_DRY), rng))
    if look.road != "city" and rng.random() < 0.4:
        look = replace(look, roughness=rng.uniform(0.08, 0.25))
    if look.weather in ("clear", "fog") and rng.random() < 0.25:
        grey = rng.randint(110, 165)
        look = replace(look, asphalt=jitter((grey, grey - 2, grey - 6), rng, 5))
    return look


def vary_camera(camera: Camera, road: str, rng: random.Random) -> Camera:
    """Highways are wide, but so is a country road seen from low; country roads bend, highways hardly.

    One drives in a lane, not over the middle line: else a country road's middle and edge lines, left and
    right of the viewer, would pass for a highway's lane.
    """
    if road == "highway":
        lane = rng.uniform(-0.65, 0.65) if rng.random() < 0.6 else 0.0
        gentle = camera.curve * rng.uniform(0.0, 0.6)
        return replace(camera, road=camera.road * rng.uniform(0.9, 1.5), lane=lane, curve=gentle)
    kept = rng.choice((1, 1, 1, -1)) * rng.uniform(0.3, 0.65)
    camera = replace(camera, lane=kept if rng.random() < 0.75 else 0.0)
    if road == "rural":
        curve = camera.width * rng.gauss(0, 0.22) if rng.random() < 0.35 else camera.curve
        return replace(camera, road=camera.road * rng.uniform(0.6, 1.3), curve=curve)
    return camera


def vary_props(props: list[Prop], road: str, rng: random.Random) -> list[Prop]:
    """What stands beside a road of that kind, and how it differs from one to the next."""
    return {"city": _vary_street, "rural": _vary_country, "highway": _vary_highway}[road](props, rng)


def _vary_street(props: list[Prop], rng: random.Random) -> list[Prop]:
    """Some streets cross squares, run along a park or a yard, or end before a house."""
    if rng.random() < 0.2:
        open_m = rng.uniform(8, 45)
        props = [p for p in props if p.kind != "building" or p.distance_m > open_m]
    if rng.random() < 0.25:
        side = rng.choice((-1, 1))
        props = [p for p in props if p.kind != "building" or p.u * side < 0]
        for _ in range(rng.randint(2, 12)):
            u = side * rng.uniform(1.4, 4.0)
            props.append(_far(rng, "tree", u, 4.3 / rng.uniform(0.07, 0.6), rng.uniform(1.5, 7)))
    if rng.random() < 0.3:
        block = _far(rng, "block", rng.uniform(-2.5, 2.5), rng.uniform(12, 45), rng.uniform(3, 11))
        props.append(replace(block, length_m=rng.uniform(8, 45)))
    return props


def _vary_country(props: list[Prop], rng: random.Random) -> list[Prop]:
    """Open country has few trees and many slopes."""
    if rng.random() >= 0.65:
        return props
    kept = rng.choice((0.0, 0.0, 0.1, 0.3))
    props = [p for p in props if p.kind not in ("tree", "pole") or rng.random() < kept]
    if rng.random() < 0.6:
        for side in rng.sample((-1, 1), rng.choice((1, 1, 2))):
            props.append(_far(rng, "bank", side * rng.uniform(1.15, 2.2), 60, rng.uniform(1.5, 10)))
    for _ in range(rng.choice((0, 15, 40, 90))):
        u = rng.choice((-1, 1)) * rng.uniform(1.2, 5.0)
        props.append(_far(rng, "bush", u, 4.3 / rng.uniform(0.07, 0.7), rng.uniform(0.3, 1.6)))
    return props


def _vary_highway(props: list[Prop], rng: random.Random) -> list[Prop]:
    """Some run through a town, behind their barriers, some through woods."""
    if rng.random() < 0.3:
        for side in rng.choice(((-1,), (1,), (-1, 1))):
            row = street(rng, side, "city", plain=False, reach_m=60)
            away = rng.uniform(1.0, 1.6)
            props += [replace(p, u=p.u * away * rng.uniform(1.0, 1.1)) for p in row]
    elif rng.random() < 0.6:
        for _ in range(rng.randint(5, 18)):
            u = rng.choice((-1, 1)) * rng.uniform(1.6, 4.0)
            props.append(_far(rng, "tree", u, 4.3 / rng.uniform(0.07, 0.5), rng.uniform(1.5, 6)))
    return props


def set_back(props: list[Prop], cut: Wayside, road: str) -> list[Prop]:
    """What grows or is built beside a highway stands behind its barrier, houses never at its edge."""
    if road != "highway":
        return props
    return [_set_back(prop, cut) if prop.kind in ("building", "tree", "bush") else prop for prop in props]


def _set_back(prop: Prop, cut: Wayside) -> Prop:
    side = math.copysign(1, prop.u)
    nearest = 1.9 if prop.kind == "building" else 1 + cut.shoulder
    for barrier in cut.barriers:
        if barrier.u * side > 0:
            nearest = abs(barrier.u) + 0.03
    return replace(prop, u=side * max(abs(prop.u), nearest))


def _far(rng: random.Random, kind: str, u: float, distance_m: float, size_m: float) -> Prop:
    return Prop(kind=kind, u=u, distance_m=distance_m, size_m=size_m, seed=rng.getrandbits(32))
