"""Sky, far background, and the ground's texture."""

from __future__ import annotations

import math
import random

import numpy as np
from PIL import Image

from gpu_endpoint.training.canvas import Canvas
from gpu_endpoint.training.look import Look
from gpu_endpoint.training.palette import TILE, Colour, Floats, jitter, mix, texture, texture_bank

_HILLS: tuple[Colour, ...] = ((70, 90, 60), (110, 100, 80), (90, 100, 120), (150, 95, 70), (60, 80, 50))
_TOWERS: tuple[Colour, ...] = ((150, 140, 130), (110, 120, 135), (170, 170, 170), (90, 80, 75))


def paint_sky(canvas: Canvas) -> None:
    """Gradient, clouds, sun or stars; fills the whole picture."""
    look, camera = canvas.look, canvas.camera
    rng = random.Random(look.seed)
    rows = np.clip(np.arange(camera.height) / max(camera.horizon, 1), 0, 1)[:, None, None]
    sky = np.array(look.sky_top) * (1 - rows) + np.array(look.sky_low) * rows
    picture = np.repeat(sky, camera.width, axis=1).astype(np.float32)
    clear = look.weather == "clear"
    if clear and look.clouds and look.time != "night" and not look.plain:
        picture = _clouds(picture, look, rng)
    canvas.image.paste(Image.fromarray(picture.clip(0, 255).astype(np.uint8)))
    if clear:
        _sky_details(canvas, rng)


def _clouds(picture: Floats, look: Look, rng: random.Random) -> Floats:
    height, width = picture.shape[:2]
    shape = texture(rng, width, height)
    cover = np.clip((shape - rng.uniform(-0.6, 1.2)) * rng.uniform(0.4, 1.5), 0, 1) * look.clouds
    bright = jitter((235, 238, 242) if look.time == "day" else (205, 155, 140), rng, 20)
    picture += cover[..., None] * (np.array(bright, np.float32) - picture)
    return picture


def _sky_details(canvas: Canvas, rng: random.Random) -> None:
    look, camera, pen = canvas.look, canvas.camera, canvas.pen
    width, horizon = camera.width, camera.horizon
    if look.time == "dusk" and rng.random() < (0.9 if look.plain else 0.4):
        x, radius = rng.uniform(0.1, 0.9) * width, width * rng.uniform(0.02, 0.05)
        pen.ellipse(
            (x - radius, horizon - 1.5 * radius, x + radius, horizon + 0.5 * radius), fill=(255, 221, 140)
        )
    if look.time == "night" and rng.random() < (0.9 if look.plain else 0.2):
        for _ in range(25):
            pen.point((rng.uniform(0, width), rng.uniform(0, horizon)), fill=(170, 170, 190))
    if look.time == "day" and look.plain:
        for _ in range(rng.randint(0, 3)):
            x, y = rng.uniform(0, width), rng.uniform(0, horizon * 0.6)
            pen.ellipse((x, y, x + width * rng.uniform(0.1, 0.26), y + width * 0.047), fill=(245, 248, 252))


def paint_background(canvas: Canvas) -> None:
    """Ground, and what stands on the horizon: hills, a line of trees, towers."""
    look, camera = canvas.look, canvas.camera
    rng = random.Random(look.seed + 1)
    canvas.fade = 0.0
    canvas.box(0, camera.horizon, camera.width, camera.height, look.ground)
    if look.plain:
        return
    canvas.fade = 0.0 if look.time == "night" else rng.uniform(0, 0.55)
    if rng.random() < {"city": 0.3, "highway": 0.75, "rural": 0.8}[look.road]:
        for _ in range(rng.randint(1, 3)):
            _hill(canvas, rng)
    if rng.random() < {"city": 0.7, "highway": 0.25, "rural": 0.0}[look.road]:
        for _ in range(rng.randint(3, 10)):
            _tower(canvas, rng)


def _hill(canvas: Canvas, rng: random.Random) -> None:
    width, base = canvas.camera.width, canvas.camera.horizon + 2
    top, phase, bumps = width * rng.uniform(0.02, 0.2), rng.uniform(0, 9), rng.uniform(0.5, 3)
    slope = width * rng.uniform(-0.12, 0.12)
    ridge = [
        (x, base - top * (0.55 + 0.45 * math.sin(phase + bumps * x / width * 3))
         - max(0.0, slope * (x / width - 0.5)) - rng.uniform(0, 0.012) * width)
        for x in np.linspace(0, width, 26).tolist()
    ]  # fmt: skip
    colour = jitter(rng.choice(_HILLS), rng)
    if canvas.look.weather == "snow":
        colour = mix(colour, (215, 220, 228), rng.uniform(0.2, 0.8))
    canvas.polygon([(0, base), *ridge, (width, base)], colour)


def _tower(canvas: Canvas, rng: random.Random) -> None:
    width, base = canvas.camera.width, canvas.camera.horizon + 2
    x, side = rng.uniform(-0.03, 1) * width, rng.uniform(0.03, 0.11) * width
    top = base - width * rng.uniform(0.04, 0.3 if canvas.look.road == "city" else 0.14)
    colour = jitter(rng.choice(_TOWERS), rng)
    canvas.box(x, top, x + side, base, colour)
    windows = mix(colour, (40, 45, 55), 0.5)
    if canvas.look.time != "day" and rng.random() < 0.6:
        windows = (255, 225, 150)
    for _ in range(5):
        y = rng.uniform(top, base)
        canvas.line([(x + side * 0.15, y), (x + side * 0.85, y)], windows)


def roughen(picture: Floats, canvas: Canvas, travelled_m: float) -> Floats:
    """Texture of grass and asphalt in perspective, moving with the distance travelled."""
    look, camera = canvas.look, canvas.camera
    if not look.roughness:
        return picture
    top = int(camera.horizon) + 1
    s = (np.arange(top, camera.height) - camera.horizon + 0.5) / (camera.height - camera.horizon)
    distance = 4.0 / s
    rows = ((distance + travelled_m) * 9).astype(np.int64) % TILE
    columns = (np.arange(camera.width)[None] - camera.vanish) / (camera.scale * s[:, None])
    tile = texture_bank()[look.seed % 20]  # the finer tiles: coarse ones look like clouds
    grain = tile[rows[:, None], (columns * 24).astype(np.int64) % TILE]
    strength = look.roughness * np.clip(s * 2.5, 0.15, 1)[:, None]
    picture[top:] *= (1 + strength * grain)[..., None]
    return picture
