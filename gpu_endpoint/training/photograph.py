"""Training pictures: a scene through a lens, at the model's size."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gpu_endpoint.training import camera as lens
from gpu_endpoint.training import weather
from gpu_endpoint.training.painting import paint
from gpu_endpoint.training.pairs import PAIRS
from gpu_endpoint.training.scenes import Scene, random_scene

SIZE = 128  # side of the model's square input, px
LOW_SIZE = 96  # side of pictures that come from small videos, px
_SHRINKING = (
    Image.Resampling.BOX,
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)


def photograph(scene: Scene, rng: random.Random) -> NDArray[np.uint8]:
    """The picture as the model sees it. Shapes: (SIZE, SIZE, 3)."""
    image = paint(scene, rng)
    if scene.look.plain:
        side = LOW_SIZE if rng.random() < 0.5 else SIZE
        small = image.resize((side, side), Image.Resampling.LANCZOS)
        picture = weather.to_floats(small) * rng.uniform(0.9, 1.1)
        return enlarged(weather.to_pixels(lens.sensor_noise(picture, rng, rng.uniform(1, 6))))
    picture = weather.to_floats(image)
    if scene.look.time == "night" and rng.random() < 0.5:
        picture = lens.darken(picture, scene.camera, rng)
    if scene.look.time == "day" and rng.random() < 0.25:
        picture = lens.against_light(picture, sum(scene.look.sky_low) / 3, rng)
    picture = lens.expose(lens.grain(picture, rng), rng)
    picture = lens.dashboard(picture, rng)
    image = lens.smear(weather.to_image(picture), rng)
    if rng.random() < 0.4:
        image = lens.compress(image, rng)
    side = SIZE if rng.random() < 0.85 else rng.randint(LOW_SIZE - 16, SIZE)
    small = image.resize((side, side), rng.choice(_SHRINKING), box=lens.framing(image.size, rng))
    return enlarged(weather.to_pixels(lens.sensor_noise(weather.to_floats(small), rng, rng.uniform(0.3, 4))))


def enlarged(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures of small videos are enlarged to the model's size."""
    if len(pixels) == SIZE:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def random_picture(rng: random.Random, *, plain: bool | None = None) -> tuple[NDArray[np.uint8], list[str]]:
    """A picture and its facts."""
    scene = random_scene(rng, plain=plain)
    return photograph(scene, rng), scene.facts


def random_pair(rng: random.Random, kind: str) -> list[tuple[NDArray[np.uint8], list[str]]]:
    """Two pictures with their facts: of scenes that differ as that kind of pair does."""
    return [(photograph(scene, rng), scene.facts) for scene in PAIRS[kind](rng)]
