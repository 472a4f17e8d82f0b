"""Night light, wet roads, fog, rain and snow, laid over the painted picture."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from gpu_endpoint.training.canvas import Canvas, Lamp
from gpu_endpoint.training.palette import Colour, Floats, jitter, mix


def to_floats(image: Image.Image) -> Floats:
    """The picture as writable floats, 0-255."""
    return np.array(image, np.float32)


def to_pixels(picture: Floats) -> NDArray[np.uint8]:
    """The floats as bytes."""
    return picture.clip(0, 255).astype(np.uint8)


def to_image(picture: Floats) -> Image.Image:
    """The floats as a picture again."""
    return Image.fromarray(to_pixels(picture))


def headlights(picture: Floats, canvas: Canvas) -> Floats:
    """At night the road ahead is lit by one's own headlights."""
    look, camera = canvas.look, canvas.camera
    if look.time != "night":
        return picture
    rng = random.Random(look.seed + 5)
    top = int(camera.horizon) - 3
    depth = np.clip(
        (np.arange(top, camera.height) - camera.horizon) / (camera.height - camera.horizon), 0, 1.2
    )
    across = np.arange(camera.width)[None] - camera.vanish
    spread = camera.road * depth * rng.uniform(0.5, 0.9) + camera.width * 0.05
    cone = np.exp(-((across / spread[:, None]) ** 2))
    cone *= np.exp(-(((depth - rng.uniform(0.35, 0.6)) / rng.uniform(0.25, 0.5)) ** 2))[:, None]
    warm = np.array(rng.choice(((1, 0.85, 0.6), (1, 0.95, 0.85), (0.9, 0.95, 1))), np.float32)
    gain = rng.uniform(0.5, 0.9) if look.plain else rng.uniform(0.15, 0.5) / max(look.light, 0.05)
    picture[top:] *= 1 + gain * cone[..., None].astype(np.float32) * warm
    return picture


def street_glow(canvas: Canvas) -> None:
    """Far lamps and windows of a lit road, added to the canvas's lamps."""
    look, camera = canvas.look, canvas.camera
    if look.time == "day" or look.plain:
        return
    rng = random.Random(look.seed + 6)
    shades: tuple[Colour, ...] = ((255, 60, 40), (255, 245, 220), (255, 200, 110))
    for _ in range(rng.choice((0, 2, 5, 10)) if look.road != "rural" else rng.choice((0, 0, 0, 2))):
        x, y = (
            camera.vanish + camera.curve + rng.gauss(0, camera.width * 0.1),
            camera.horizon + rng.gauss(0, 3),
        )
        canvas.lamp(x, y, camera.width * rng.uniform(0.002, 0.008), rng.choice(shades))


def glow(picture: Floats, canvas: Canvas, rng: random.Random) -> Floats:
    """Paint the lamps and the light they spill."""
    look, lamps = canvas.look, canvas.lamps
    if not lamps:
        return picture
    size = (canvas.camera.width, canvas.camera.height)
    discs = Image.new("RGB", size)
    pen = ImageDraw.Draw(discs)
    if look.plain and look.time != "day":
        for lamp in lamps:
            _disc(pen, lamp, 1.9, mix(lamp.colour, (30, 30, 30), 0.55))
    for lamp in lamps:
        _disc(pen, lamp, 1.0, lamp.colour)
    shining = np.asarray(discs, np.float32)
    picture = np.where(shining.max(2, keepdims=True) > 0, shining, picture)
    if not look.plain and look.time != "day":
        soft = discs.reduce(2).filter(
            ImageFilter.GaussianBlur(canvas.camera.width * rng.uniform(0.004, 0.01))
        )
        spill = np.asarray(soft.resize(size, Image.Resampling.BILINEAR), np.float32)
        picture = picture + spill * rng.uniform(0.4, 1.6) * (0.7 if look.time == "dusk" else 1.0)
    return picture


def _disc(pen: ImageDraw.ImageDraw, lamp: Lamp, grow: float, colour: Colour) -> None:
    radius = lamp.radius * grow
    pen.ellipse((lamp.x - radius, lamp.y - radius, lamp.x + radius, lamp.y + radius), fill=colour)


def mirror(picture: Floats, canvas: Canvas) -> Floats:
    """A wet road mirrors what stands above the horizon."""
    if not canvas.look.wet:
        return picture
    top = int(canvas.camera.horizon)
    rows = min(top, picture.shape[0] - top)
    if rows < 8:
        return picture
    reflection = np.repeat(picture[top - rows : top][::-1][::4], 4, axis=0)[:rows]
    share = canvas.look.wet * np.linspace(1, 0, rows, dtype=np.float32)[:, None, None] ** 0.7
    picture[top : top + rows] += share * (reflection - picture[top : top + rows])
    return picture


def fog(picture: Floats, canvas: Canvas) -> Floats:
    """Fog, thickest at the horizon; rain and snow bring a little of it."""
    look, camera = canvas.look, canvas.camera
    if look.weather == "clear" or (look.plain and look.weather != "fog"):
        return picture
    rng = random.Random(look.seed + 7)
    dense = look.weather == "fog"
    colour = {"day": (190, 192, 195), "dusk": (165, 150, 142), "night": (50, 51, 56)}[look.time]
    if look.plain:
        share, least = 0.82, 0.12
    else:
        share = rng.uniform(0.45, 0.95) if dense else rng.uniform(0, 0.45)
        least = share * 0.15
        colour = jitter(colour, rng, 18)
        if look.time == "dusk" and rng.random() < 0.5:
            colour = jitter((130, 130, 138), rng, 15)
    rows = np.arange(camera.height, dtype=np.float32)
    veil = np.clip(
        share - np.abs(rows - camera.horizon) / (camera.height - camera.horizon) * share * 0.9, least, 0.95
    )
    picture += veil[:, None, None] * (np.array(colour, np.float32) - picture)
    return picture


def precipitation(image: Image.Image, canvas: Canvas, rng: random.Random, drops_seed: int) -> Image.Image:
    """Falling rain or snow, and drops on the windscreen; drops stay while their seed stays."""
    look = canvas.look
    if look.weather == "snow" and (look.plain or random.Random(look.seed + 8).random() < 0.85):
        return _snowfall(image, rng, night=look.time == "night", plain=look.plain)
    if look.weather != "rain":
        return image
    mode = random.Random(look.seed + 8).choice(("drops", "drops", "both", "streaks"))
    if look.plain or mode != "drops":
        image = _streaks(image, rng, plain=look.plain)
    if not look.plain and mode != "streaks":
        glass = random.Random(look.seed + 10)
        image = _windscreen(image, glass, random.Random(drops_seed), night=look.time == "night")
    return image


def _streaks(image: Image.Image, rng: random.Random, *, plain: bool) -> Image.Image:
    width, height = image.size
    mask = Image.new("L", image.size)
    pen = ImageDraw.Draw(mask)
    slant = 0.22 if plain else rng.uniform(-0.1, 0.3)
    for _ in range(rng.randint(90, 170) if plain else rng.randint(50, 160)):
        x, y = rng.uniform(-0.05, 1) * width, rng.uniform(-0.05, 1) * height
        length = height * (rng.uniform(0.04, 0.105) if plain else rng.uniform(0.025, 0.11))
        bright = rng.randint(90, 190) if plain else rng.randint(40, 160)
        pen.line([(x, y), (x + length * slant, y + length)], fill=bright, width=max(1, width // 400))
    return Image.composite(Image.new("RGB", image.size, (170, 180, 195)), image, mask)


def _windscreen(image: Image.Image, glass: random.Random, rng: random.Random, *, night: bool) -> Image.Image:
    width, height = image.size
    small = image.reduce(2)
    blurred = small.filter(ImageFilter.GaussianBlur(width * glass.uniform(0.0015, 0.006))).resize(image.size)
    flipped = small.transpose(Image.Transpose.FLIP_TOP_BOTTOM).filter(ImageFilter.GaussianBlur(width * 0.008))
    image = Image.blend(image, blurred, glass.uniform(0, 0.8))
    drops, rims, sparks = (Image.new("L", image.size) for _ in range(3))
    drop_pen, rim_pen, spark_pen = ImageDraw.Draw(drops), ImageDraw.Draw(rims), ImageDraw.Draw(sparks)
    mean = width * glass.uniform(0.006, 0.022)
    for _ in range(glass.randint(30, 200)):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        rx = min(width * 0.04, rng.expovariate(1 / mean) + 0.5)
        ry = rx * rng.uniform(0.8, 1.5)
        drop_pen.ellipse((x - rx, y - ry, x + rx, y + ry), fill=rng.randint(130, 255))
        rim_pen.arc((x - rx, y - ry, x + rx, y + ry), 180, 360, fill=rng.randint(60, 170))
        spark_pen.ellipse((x - rx * 0.3, y + ry * 0.3, x + rx * 0.3, y + ry * 0.7), fill=rng.randint(60, 200))
    for _ in range(rng.choice((0, 0, 1, 3))):  # runlets
        x, y = rng.uniform(0, width), rng.uniform(0, height / 2)
        for _ in range(12):
            x2, y2 = x + width * rng.uniform(-0.012, 0.012), y + height * rng.uniform(0.02, 0.05)
            drop_pen.line([(x, y), (x2, y2)], fill=200, width=max(1, width // 100))
            x, y = x2, y2
    image = Image.composite(flipped.resize(image.size), image, drops)
    image = Image.composite(Image.new("RGB", image.size, (15, 18, 22)), image, rims)
    spark = (150, 140, 120) if night else (225, 230, 235)
    return Image.composite(Image.new("RGB", image.size, spark), image, sparks)


def _snowfall(image: Image.Image, rng: random.Random, *, night: bool, plain: bool) -> Image.Image:
    width, height = image.size
    pen = ImageDraw.Draw(image)
    colour = (172, 175, 182) if night else (244, 246, 250)
    largest = width * (0.0125 if plain else rng.uniform(0.005, 0.011))
    for _ in range(rng.randint(110, 220) if plain else rng.randint(50, 220)):
        x, y, radius = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.3 * largest, largest)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return image
