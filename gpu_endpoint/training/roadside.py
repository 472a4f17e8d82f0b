"""What stands beside the road: buildings, trees, barriers, poles, banks, gantries."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from gpu_endpoint.training import buildings, plants
from gpu_endpoint.training.canvas import Canvas
from gpu_endpoint.training.palette import jitter, mix


@dataclass(frozen=True, kw_only=True)
class Prop:
    """Something fixed beside the road; its details follow from its seed."""

    kind: str  # building, block, tree, pole, bank, gantry
    u: float  # half road widths from the middle; negative is left
    distance_m: float
    size_m: float  # height; of a building also the depth scales with it
    length_m: float = 0.0  # of a building along the road, of a block across it
    seed: int = 0


def random_props(rng: random.Random, road: str, *, plain: bool, reach_m: float = 60) -> list[Prop]:
    """Everything that stands along the next `reach_m` metres of a road."""
    props: list[Prop] = []
    for side in (-1, 1):
        if road == "city" or (road == "highway" and not plain and rng.random() < 0.15):
            props += street(rng, side, road, plain=plain, reach_m=reach_m)
        trees = {"city": rng.choice((0, 0, 2, 4)), "highway": rng.randint(0, 7), "rural": rng.randint(5, 20)}[
            road
        ]
        if plain:
            trees = {"city": 0, "highway": 0, "rural": 9}[road]
        for _ in range(round(trees * reach_m / 60)):
            u = side * rng.uniform(1.15, 3.0) * (1.25 if road == "highway" else 1)
            size = rng.uniform(2.4, 3.4) if plain else rng.choice((1.2, 2.5, 4.5, 7)) * rng.uniform(0.6, 1.3)
            props.append(_prop(rng, "tree", u, _depth(rng, reach_m), size))
        if not plain and rng.random() < {"city": 0.7, "highway": 0.5, "rural": 0.25}[road]:
            gap, height = rng.uniform(10, 22), rng.uniform(4, 6)
            for k in range(int(reach_m / gap)):
                props.append(_prop(rng, "pole", side * 1.12, 6 + k * gap + rng.uniform(0, 3), height))
        if not plain and road == "rural" and rng.random() < 0.4:
            props.append(_prop(rng, "bank", side * rng.uniform(1.1, 1.6), reach_m, rng.uniform(1.5, 8)))
        if not plain and road != "city":
            for _ in range(round(rng.choice((0, 0, 10, 25)) * reach_m / 60)):
                u = side * rng.uniform(1.1, 4.0)
                props.append(_prop(rng, "bush", u, _depth(rng, reach_m), rng.uniform(0.3, 1.2)))
    if not plain and road == "highway" and rng.random() < 0.3:
        props.append(_prop(rng, "gantry", 0, rng.uniform(11, 45), 5.5))
    return props


def _depth(rng: random.Random, reach_m: float) -> float:
    """A still is filled near and far alike; a drive passes what is spread evenly."""
    return 4.3 / rng.uniform(0.07, 0.95) if reach_m <= 60 else rng.uniform(5, reach_m)


def _prop(
    rng: random.Random, kind: str, u: float, distance_m: float, size_m: float, length_m: float = 0
) -> Prop:
    return Prop(
        kind=kind, u=u, distance_m=distance_m, size_m=size_m, length_m=length_m, seed=rng.getrandbits(32)
    )  # fmt: skip


def street(rng: random.Random, side: int, road: str, *, plain: bool, reach_m: float) -> list[Prop]:
    """A row of houses along one side."""
    if not plain and rng.random() < 0.06:
        return []
    front, distance, row = rng.uniform(1.1, 1.9) * (1 if road == "city" else 1.8), 2.7, []
    while distance < reach_m:
        length = rng.uniform(2.5, 6) if distance < 15 else rng.uniform(6, 20)
        if plain or rng.random() < 0.87:
            height = rng.uniform(3.0, 6.0) if plain else rng.uniform(2.2, 9)
            row.append(_prop(rng, "building", side * front, distance, height, length))
        distance += length * rng.choice((1, 1, 1.05, 1.25))
    return row


def paint_prop(canvas: Canvas, prop: Prop, distance_m: float) -> None:
    """Paint the prop at its present distance."""
    s = 4.0 / max(distance_m, 0.5)
    canvas.at_depth(s)
    rng = random.Random(prop.seed)
    if prop.kind == "building":
        near_m, far_m = max(distance_m, 1.9), distance_m + prop.length_m
        if far_m > 2.2:
            buildings.along(canvas, prop.u, (near_m, far_m), prop.size_m, rng)
    elif prop.kind == "block":
        buildings.across(canvas, prop.u, max(distance_m, 1.9), prop.length_m, prop.size_m, rng)
    elif prop.kind == "bank":
        _bank(canvas, prop, rng)
    elif s <= 1.3 and prop.kind in ("tree", "bush"):
        grow = plants.tree if prop.kind == "tree" else plants.bush
        grow(canvas, prop.u, prop.size_m, s, rng)
    elif s <= 1.3:
        {"pole": _pole, "gantry": _gantry}[prop.kind](canvas, prop, s, rng)


def _pole(canvas: Canvas, prop: Prop, s: float, rng: random.Random) -> None:
    x, y = canvas.camera.paved(prop.u, s)
    unit = canvas.camera.metre(s)
    top, arm = y - prop.size_m * unit, -0.9 * unit * math.copysign(1, prop.u)
    canvas.line([(x, y), (x, top), (x + arm, top - 0.15 * unit)], jitter((85, 85, 85), rng), unit * 0.09)
    if canvas.look.time != "day":
        warm = rng.choice(((255, 175, 90), (255, 220, 160), (235, 240, 255)))
        canvas.lamp(x + arm, top, max(0.6, 0.16 * unit), warm)


def _bank(canvas: Canvas, prop: Prop, rng: random.Random) -> None:
    camera, colour = (
        canvas.camera,
        rng.choice(((150, 110, 80), (170, 160, 140), (110, 110, 70), (160, 90, 60))),
    )
    foot = [camera.paved(prop.u, s) for s in (0.05, 0.2, 0.5, 1.1)]
    crest = []
    for s in (1.1, 0.7, 0.5, 0.3, 0.15, 0.05):
        x, y = camera.paved(prop.u * 1.6, s)
        crest.append((x, y - camera.metre(s) * prop.size_m * rng.uniform(0.5, 0.9)))
    colour = mix(colour, (225, 228, 232), 0.6) if canvas.look.weather == "snow" else colour
    canvas.polygon(foot + crest, jitter(colour, rng))


def _gantry(canvas: Canvas, prop: Prop, s: float, rng: random.Random) -> None:
    unit = canvas.camera.metre(s)
    (left, y), (right, _) = canvas.camera.paved(-1.1, s), canvas.camera.paved(1.1, s)
    top = y - prop.size_m * unit
    for x in (left, right):
        canvas.line([(x, y), (x, top)], (95, 95, 98), unit * 0.12)
    canvas.line([(left, top), (right, top)], (95, 95, 98), unit * 0.12)
    board = rng.choice(((15, 105, 60), (25, 70, 155)))
    for spot in rng.sample((0.12, 0.42, 0.7), rng.randint(1, 3)):
        x0, width, height = left + (right - left) * spot, 0.24 * (right - left), 1.5 * unit
        canvas.box(x0, top - height * 0.5, x0 + width, top + height * 0.5, board, 0.45)
        for row in (-0.2, 0.15):
            canvas.box(
                x0 + width * 0.15,
                top + height * row,
                x0 + width * 0.8,
                top + height * (row + 0.12),
                (235, 235, 235),
                0.5,
            )


def paint_barriers(canvas: Canvas) -> None:
    """The low walls along a drive's or a drawing's highway; training scenes have those of barriers.py."""
    rng = random.Random(canvas.look.seed + 4)
    camera = canvas.camera
    canvas.fade = 0.0
    for side in (-1, 1):
        if not canvas.look.plain and rng.random() < 0.2:
            continue
        u = side * (1.12 if canvas.look.plain else rng.uniform(1.03, 1.3))
        height = 0.1 if canvas.look.plain else rng.uniform(0.06, 0.28)
        wall = jitter(
            rng.choice(((165, 168, 172), (140, 138, 132), (120, 118, 112), (190, 188, 182))), rng, 8
        )
        depths = (0.04, 0.1, 0.2, 0.4, 0.7, 1.1)
        foot = [camera.paved(u, s) for s in depths]
        span = camera.height - camera.horizon
        lifted = [(x, y - height * span * s) for (x, y), s in zip(foot, depths, strict=True)]
        canvas.polygon(foot + lifted[::-1], wall)
