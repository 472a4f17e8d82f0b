"""The road's surface, its shoulders and its markings."""

from __future__ import annotations

import random
from dataclasses import replace

from gpu_endpoint.training.canvas import Canvas
from gpu_endpoint.training.palette import mix
from gpu_endpoint.training.roadmarks import paint_roadmark
from gpu_endpoint.training.wayside import Wayside


def paint_road(canvas: Canvas, wayside: Wayside | None = None) -> None:
    """The road's surface as strips that follow the bend, in town with pavements beside it."""
    canvas.fade = 0.0
    if wayside is not None:
        _paint_wayside(canvas, wayside)
    rng = random.Random(canvas.look.seed + 11)
    if canvas.look.road == "city" and not canvas.look.plain and rng.random() < 0.75:
        width, grey = rng.uniform(0.15, 0.5), rng.randint(110, 190)
        paving = (grey, grey, grey - 4) if canvas.look.weather != "snow" else (222, 226, 232)
        canvas.polygon(_strip(canvas, -1.04 - width, 1.04 + width, 0.0, 1.06), paving)
        canvas.polygon(_strip(canvas, -1.04, 1.04, 0.0, 1.06), mix(paving, (60, 60, 60), 0.4))
    canvas.polygon(_strip(canvas, -1, 1, 0.0, 1.06), canvas.look.asphalt)


def _paint_wayside(canvas: Canvas, wayside: Wayside) -> None:
    """Shoulders, the other carriageway and low plants, before the road is laid over them."""
    look = canvas.look
    for u, s, size, colour in sorted(wayside.scrub, key=lambda plant: plant[1]):
        x, y = canvas.camera.paved(u, s)
        if -0.1 * canvas.camera.width < x < 1.1 * canvas.camera.width:
            half = max(0.6, size * canvas.camera.metre(s))
            canvas.at_depth(s)
            tint = mix(colour, (215, 220, 226), 0.7) if look.weather == "snow" else colour
            canvas.disc(x, y - half * 0.4, half, tint, ry=half * 0.6)
    canvas.fade = 0.0
    reach = 1 + wayside.shoulder
    if wayside.gravel:
        gravel = mix(look.ground, (150, 142, 130), 0.5)
        canvas.polygon(_strip(canvas, -reach - wayside.gravel, reach + wayside.gravel, 0.0, 1.06), gravel)
    if wayside.opposite is not None:
        left, right = sorted(wayside.opposite)
        canvas.polygon(_strip(canvas, left, right, 0.0, 1.06), look.asphalt)
    if wayside.shoulder:
        canvas.polygon(_strip(canvas, -reach, reach, 0.0, 1.06), mix(look.asphalt, look.ground, 0.12))


def paint_wayside_markings(canvas: Canvas, wayside: Wayside, travelled_m: float) -> None:
    """Lane lines and edge lines as the wayside says."""
    look, rng = canvas.look, random.Random(canvas.look.seed + 2)
    bright = 0.9 if rng.random() < 0.4 else look.light * 2.5  # glass beads in the paint
    least = 0.0 if look.time != "night" else rng.uniform(look.light, max(look.light, min(1, bright)))
    worn = rng.uniform(0, 0.45)
    middle = mix((225, 195, 80) if wayside.yellow else (232, 232, 232), look.asphalt, worn)
    canvas.look = replace(look, marking=middle)
    for lane in wayside.lanes:
        pair = (-0.03, 0.03) if lane == 0 and wayside.double else (0.0,)
        for shift in pair:
            solid = wayside.solid or (wayside.double and shift < 0)
            _lane_line(canvas, lane + shift, travelled_m, solid=solid, least=least, dash=wayside.dash)
    canvas.look = look
    for edge, colour in ((-0.95, wayside.left_edge), (0.95, wayside.right_edge)):
        if colour is not None:
            tint = mix(colour, look.asphalt, worn)
            canvas.polygon(_strip(canvas, edge - 0.014, edge + 0.014, 0.02, 1.05), tint, least)
    for mark in wayside.marks:
        paint_roadmark(canvas, mark, mix((232, 232, 232), look.asphalt, worn), least)


def _strip(canvas: Canvas, left: float, right: float, far: float, near: float) -> list[tuple[float, float]]:
    camera = canvas.camera
    steps = 8 if camera.curve else 1
    depths = [far + (near - far) * i / steps for i in range(steps + 1)]
    left_edge = [camera.paved(left, s) for s in depths]
    return left_edge + [camera.paved(right, s) for s in reversed(depths)]


def paint_markings(canvas: Canvas, travelled_m: float) -> None:
    """Lane lines, moved towards the viewer by the distance travelled."""
    look = canvas.look
    rng = random.Random(look.seed + 2)
    lanes: tuple[float, ...] = (-0.34, 0.34) if look.road == "highway" else (0.0,)
    if not look.plain:
        options: dict[str, tuple[tuple[float, ...], ...]] = {
            "city": ((0.0,), (0.0,), (), (-0.35, 0.35)),
            "highway": ((-0.34, 0.34), (0.0,), (-0.5, 0.0, 0.5), (-0.3, 0.3)),
            "rural": ((0.0,), (0.0,), ()),
        }
        lanes = rng.choice(options[look.road])
    least = 0.0 if look.plain or look.time != "night" else rng.uniform(look.light, min(1, look.light * 2.5))
    solid = not look.plain and rng.random() < 0.3
    double = not look.plain and look.road != "highway" and rng.random() < 0.35
    for lane in lanes:
        if lane == 0 and double:
            _lane_line(canvas, -0.025, travelled_m, solid=True, least=least)
            _lane_line(canvas, 0.025, travelled_m, solid=solid, least=least)
        else:
            _lane_line(canvas, lane, travelled_m, solid=solid, least=least)
    for edge in (-0.95, 0.95):
        if look.plain or rng.random() < 0.65:
            colour = mix(
                rng.choice(((225, 225, 225), (225, 225, 225), (220, 190, 80))),
                look.asphalt,
                rng.random() * 0.5,
            )
            colour = (225, 225, 225) if look.plain else colour
            half = 0.012
            canvas.polygon(_strip(canvas, edge - half, edge + half, 0.02, 1.05), colour, least)


def _lane_line(
    canvas: Canvas, lane: float, travelled_m: float, *, solid: bool, least: float, dash: float = 0.45
) -> None:
    colour, half, period = canvas.look.marking, 0.014, 9.0
    if solid:
        canvas.polygon(_strip(canvas, lane - half, lane + half, 0.03, 1.05), colour, least)
        return
    if canvas.look.plain:  # a drawing's dashes keep their distance on paper, not on the road
        for dash in range(9):
            canvas.polygon(
                _strip(canvas, lane - half, lane + half, 0.08 + dash * 0.11, 0.13 + dash * 0.11), colour
            )
        return
    start = 3.4 - travelled_m % period
    for k in range(14):
        near = start + k * period
        far = near + period * dash
        if far > 3.5:
            s1, s0 = 4.0 / max(near, 3.3), 4.0 / far
            canvas.polygon(_strip(canvas, lane - half, lane + half, s0, s1), colour, least)


def paint_crosswalk(canvas: Canvas, s: float) -> None:
    """Zebra stripes across the road at nearness s."""
    rng = random.Random(canvas.look.seed + 3)
    near = s + (0.13 if canvas.look.plain else 0.04 + 0.16 * s)
    step = 0.21 if canvas.look.plain else rng.uniform(0.14, 0.24)
    colour = mix((240, 240, 240), canvas.look.asphalt, 0 if canvas.look.plain else rng.uniform(0, 0.45))
    least = 0.0 if canvas.look.plain else canvas.look.light * (1.6 if canvas.look.time == "night" else 1)
    canvas.at_depth(1)
    for stripe in range(-5, 6):
        left, right = stripe * step - step * 0.28, stripe * step + step * 0.28
        if left > -1.05 and right < 1.05:
            canvas.polygon(_strip(canvas, left, right, s, near), colour, least)
