"""People on foot, on bicycles and motorcycles, and animals."""

from __future__ import annotations

import random

from gpu_endpoint.training.canvas import Canvas
from gpu_endpoint.training.palette import Colour, jitter
from gpu_endpoint.training.stance import Stance

_PLAIN_CLOTHES: tuple[Colour, ...] = (
    (200, 60, 60), (60, 90, 200), (230, 200, 60), (60, 160, 90), (220, 220, 220)
)  # fmt: skip
_DARK_CLOTHES: tuple[Colour, ...] = ((35, 35, 42), (50, 50, 60), (90, 80, 70), (110, 110, 120))
_SKIN: tuple[Colour, ...] = ((220, 180, 150), (170, 120, 90), (90, 60, 45))
_HAIR: tuple[Colour, ...] = ((40, 30, 25), (90, 70, 50), (20, 20, 20), (150, 120, 70))
_LEGS: tuple[Colour, ...] = ((35, 35, 60), (45, 55, 85), (90, 85, 75), (20, 20, 22))


def _clothes(canvas: Canvas, rng: random.Random) -> Colour:
    bright = canvas.look.plain or rng.random() < 0.45
    return jitter(rng.choice(_PLAIN_CLOTHES if bright else _DARK_CLOTHES), rng)


def pedestrian(canvas: Canvas, at: Stance) -> None:
    """A person walking; the variant is the phase of the step, 0-1."""
    x, y, unit, variant, rng = at.x, at.y, at.unit, at.variant, at.rng
    rich = not canvas.look.plain
    height = 2.13 * unit * (rng.uniform(0.82, 1.02) if rich else 1)
    coat, leg, skin = (
        _clothes(canvas, rng),
        jitter(rng.choice(_LEGS), rng, 10),
        rng.choice(_SKIN if rich else _SKIN[:1]),
    )
    stride = rng.uniform(0.05, 0.14)
    if variant:
        stride = 0.15 * (abs(float(variant) * 2 - 1) - 0.1)
    step, limb = height * stride, height * 0.09
    for foot in (-step, step):
        canvas.line([(x, y - height * 0.46), (x + foot, y)], leg, limb)
    canvas.box(x - height * 0.11, y - height * 0.82, x + height * 0.11, y - height * 0.42, coat)
    if rich:
        for arm in (-1, 1):
            shoulder, hand = x + arm * height * 0.12, x + arm * (height * 0.13 + step * 0.5)
            canvas.line([(shoulder, y - height * 0.79), (hand, y - height * 0.46)], coat, limb * 0.6)
    canvas.disc(x, y - height * 0.91, height * 0.08, skin, ry=height * 0.09)
    if not rich:
        return
    box = (x - height * 0.085, y - height * 1.01, x + height * 0.085, y - height * 0.85)
    canvas.pen.pieslice(box, 180, 360, fill=canvas.lit(rng.choice(_HAIR)))
    if canvas.look.weather == "rain" and rng.random() < 0.35:
        cover = canvas.lit(jitter(rng.choice(_PLAIN_CLOTHES + _DARK_CLOTHES), rng))
        canvas.pen.pieslice(
            (x - height * 0.3, y - height * 1.22, x + height * 0.3, y - height * 0.85), 180, 360, fill=cover
        )


def cyclist(canvas: Canvas, at: Stance) -> None:
    """A person on a bicycle, seen from the side or from behind."""
    x, y, unit, rng = at.x, at.y, at.unit, at.rng
    rich = not canvas.look.plain
    height, coat = 2.13 * unit, _clothes(canvas, rng)
    narrow = rich and at.seen("rear", 0.5)
    wheel, reach = height * 0.17, height * (0.05 if narrow else 0.24)
    flip = -1 if rich and rng.random() < 0.5 else 1
    tyre = canvas.lit((16, 16, 16))
    for side in (-1, 1):
        half = wheel * (0.3 if narrow else 1)
        centre = x + side * reach * flip
        rim = (centre - half, y - 2 * wheel, centre + half, y)
        canvas.pen.ellipse(rim, outline=tyre, width=max(1, int(height * 0.035)))
    frame: Colour = (
        (180, 40, 40) if not rich else (rng.randint(20, 200), rng.randint(20, 90), rng.randint(20, 120))
    )
    canvas.line([(x - reach, y - wheel), (x, y - wheel * 2.3), (x + reach, y - wheel)], frame, height * 0.04)
    seat, lean = y - height * 0.3, (0.0 if narrow else 0.1 * height * flip)
    canvas.line([(x, seat), (x + lean * 0.6, y - wheel)], rng.choice(_LEGS), height * 0.09)
    canvas.line([(x, seat), (x + lean, seat - height * 0.36)], coat, height * 0.18)
    canvas.line(
        [(x + lean, seat - height * 0.3), (x + lean * 2.4, seat - height * 0.08)],
        rng.choice(_SKIN),
        height * 0.05,
    )
    head = x + lean * 1.25
    canvas.disc(head, seat - height * 0.45, height * 0.075, rng.choice(_SKIN), ry=height * 0.09)
    helmet: Colour = (
        (240, 240, 60) if not rich or rng.random() < 0.4 else jitter(rng.choice(_PLAIN_CLOTHES), rng)
    )
    canvas.disc(
        head, seat - height * 0.49, height * 0.085, helmet, ry=height * 0.08 if not rich else height * 0.055
    )
    if rich and canvas.look.time != "day":
        canvas.lamp(x - reach * flip, y - wheel * 2.2, max(0.6, height * 0.02), (255, 40, 40))


def motorcycle(canvas: Canvas, at: Stance) -> None:
    """A rider on a motorcycle, from behind."""
    x, y, unit, rng = at.x, at.y, at.unit, at.rng
    height, body = (
        1.75 * unit,
        jitter(rng.choice(((190, 30, 30), (30, 60, 160), (30, 30, 32), (40, 140, 60))), rng),
    )
    canvas.disc(x, y - height * 0.05, height * 0.3, (15, 15, 15), ry=height * 0.05)
    canvas.box(x - height * 0.07, y - height * 0.36, x + height * 0.07, y, (14, 14, 14))
    canvas.round_box(
        x - height * 0.17, y - height * 0.58, x + height * 0.17, y - height * 0.25, body, height * 0.06
    )
    canvas.line(
        [(x - height * 0.33, y - height * 0.63), (x + height * 0.33, y - height * 0.63)],
        (50, 50, 52),
        height * 0.05,
    )
    coat = jitter(rng.choice(_DARK_CLOTHES), rng)
    canvas.round_box(
        x - height * 0.18, y - height * 0.86, x + height * 0.18, y - height * 0.48, coat, height * 0.09
    )
    for arm in (-1, 1):
        canvas.line(
            [(x + arm * height * 0.17, y - height * 0.8), (x + arm * height * 0.3, y - height * 0.63)],
            coat,
            height * 0.09,
        )
    canvas.disc(
        x,
        y - height * 0.94,
        height * 0.1,
        jitter(rng.choice(_PLAIN_CLOTHES + _DARK_CLOTHES), rng),
        ry=height * 0.11,
    )
    colour: Colour = (255, 35, 30) if canvas.look.time != "day" else (170, 25, 25)
    canvas.lamp(x, y - height * 0.44, max(0.8, height * 0.05), colour)


def animal(canvas: Canvas, at: Stance) -> None:
    """A deer, a cow or a dog, from the side."""
    x, y, unit, variant, rng = at.x, at.y, at.unit, at.variant, at.rng
    size = unit * {"deer": 1.3, "cow": 1.5, "dog": 0.75}[variant]
    hide: Colour = {"deer": (140, 95, 50), "cow": (215, 210, 200), "dog": (120, 85, 55)}[variant]
    hide = jitter(hide, rng, 20)
    flip = -1 if not canvas.look.plain and rng.random() < 0.5 else 1
    barrel = 0.3 if variant == "deer" else 0.36
    belly = y - size * 0.66
    canvas.disc(x - flip * size * 0.05, belly - size * 0.05, size * 0.42, hide, ry=size * barrel * 0.85)
    if variant == "cow":
        for spot in (-0.25, 0.05, 0.2):
            canvas.disc(x + size * spot, belly - size * rng.uniform(-0.1, 0.15), size * 0.11, (45, 35, 30))
    for leg in (-0.35, -0.2, 0.12, 0.26):
        canvas.line([(x + flip * size * leg, belly), (x + flip * size * leg, y)], hide, size * 0.08)
    lift = {"deer": 1.35, "cow": 1.0, "dog": 1.0}[variant]
    neck, head = x + flip * size * 0.3, x + flip * size * 0.46
    canvas.line([(neck, belly - size * 0.1), (x + flip * size * 0.42, y - size * lift)], hide, size * 0.15)
    canvas.disc(head, y - size * lift, size * 0.14, hide)
    if variant == "deer":
        for tine in (-0.06, 0.06):
            canvas.line(
                [(head + tine * size, y - size * 1.45), (head + tine * 2.4 * size, y - size * 1.75)], hide
            )
