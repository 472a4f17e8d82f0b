"""Where things on the road appear in the picture, and what the lens does to it."""

from __future__ import annotations

import io
import math
import random
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from gpu_endpoint.training.palette import Floats, texture

NEAREST_M = 4.0  # distance of the road at the picture's bottom edge


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera above the road; nearness s = NEAREST_M / distance is 1 at the bottom edge."""

    width: int
    height: int
    horizon: float  # px from the top
    vanish: float  # px from the left, where a straight road meets the horizon
    road: float  # half the road's width at the bottom edge, px
    scale: float  # px a metre takes at the bottom edge
    curve: float = 0.0  # px that the far end of the road is moved to the right
    lane: float = 0.0  # where the viewer drives: half road widths to the right of the road's middle

    def ground(self, u: float, s: float) -> tuple[float, float]:
        """Pixel of a ground point: u in half road widths from the viewer, s its nearness."""
        x = self.vanish + u * self.road * s + self.bend(s)
        return x, self.horizon + (self.height - self.horizon) * s

    def paved(self, u: float, s: float) -> tuple[float, float]:
        """Pixel of a ground point: u in half road widths from the road's middle, s its nearness."""
        return self.ground(u - self.lane, s)

    def bend(self, s: float) -> float:
        """How far the road's bend moves a point of nearness s to the right, px."""
        return self.curve * (1 - s) ** 2 if s < 1 else 0.0

    def metre(self, s: float) -> float:
        """Pixels of one metre at nearness s."""
        return self.scale * s


def random_camera(rng: random.Random, width: int, height: int, *, plain: bool) -> Camera:
    """A camera as a drawing would have it (plain) or as a windscreen mount has it."""
    if plain:
        return Camera(
            width=width, height=height, horizon=height * rng.uniform(0.36, 0.48),
            vanish=width * rng.uniform(0.42, 0.58), road=width * rng.uniform(0.55, 0.8), scale=width * 0.281,
        )  # fmt: skip
    curve = width * rng.gauss(0, 0.16) if rng.random() < 0.4 else 0.0
    return Camera(
        width=width, height=height, horizon=height * rng.uniform(0.34, 0.62),
        vanish=width * rng.uniform(0.36, 0.64), road=width * rng.uniform(0.45, 1.15),
        scale=width * rng.uniform(0.17, 0.29) * min(1.0, 0.55 + 0.45 * height / width), curve=curve,
    )  # fmt: skip


def darken(picture: Floats, camera: Camera, rng: random.Random) -> Floats:
    """A night that shows what the headlights reach, and lamps: the rest is black. Shapes stay (h, w, 3)."""
    depth = np.clip((np.arange(camera.height) - camera.horizon) / (camera.height - camera.horizon), 0, 1.2)
    spread = camera.width * (0.04 + rng.uniform(0.25, 0.6) * depth)
    bend = camera.curve * (1 - np.clip(depth, 0, 1)) ** 2
    across = np.arange(camera.width)[None] - camera.vanish - bend[:, None]
    farthest, fall = rng.uniform(0.25, 0.55), rng.uniform(0.25, 0.6)
    reach = np.where(depth > 0, np.exp(-(((depth - farthest) / fall) ** 2)), 0)
    lit = np.exp(-((across / spread[:, None]) ** 2)) * reach[:, None]
    dark, shining = rng.uniform(0.03, 0.4), np.clip((picture.max(2) - 110) / 80, 0, 1)
    share = np.maximum(dark + (1 - dark) * lit, shining)
    share *= 1 + rng.uniform(0.0, 1.2) * lit  # a camera that adapts to the dark
    return np.asarray(picture * share[..., None], np.float32)


def expose(picture: Floats, rng: random.Random) -> Floats:
    """Gain, colour cast, contrast and vignette of a cheap camera."""
    height, width = picture.shape[:2]
    cast = np.array([rng.uniform(0.92, 1.08) for _ in range(3)], np.float32)
    if rng.random() < 0.4:  # white balance: bluish or amber
        warm = rng.uniform(-0.14, 0.14)
        cast *= np.array([1 + warm, 1, 1 - warm], np.float32)
    middle = picture.mean()
    picture = middle + (picture - middle) * rng.uniform(0.75, 1.2)
    picture = picture * cast * rng.uniform(0.82, 1.18)
    if rng.random() < 0.4:
        gamma = np.float32(math.exp(rng.uniform(-0.25, 0.25)))
        picture = np.asarray((picture.clip(0, 255) / 255) ** gamma * 255, np.float32)
    if rng.random() < 0.4:
        rows, columns = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None]
        fall = 1 - rng.uniform(0, 0.4) * (rows**2 + columns**2) / 2
        picture = picture * fall[..., None].astype(np.float32)
    return picture


def against_light(picture: Floats, sky: float, rng: random.Random) -> Floats:
    """What a camera shows against the light: the sky white, what stands in shadow nearly black.

    `sky` is how bright the sky is, 0-255. Shapes stay (h, w, 3).
    """
    steep = rng.uniform(1.2, 2.1)
    white = max(0.35, sky / 255) ** steep
    return np.asarray((picture.clip(0, 255) / 255) ** steep * (255 / white), np.float32)


def framing(size: tuple[int, int], rng: random.Random) -> tuple[float, float, float, float]:
    """The part of the picture that a narrower lens or a cut shows: most of it."""
    width, height = size
    if rng.random() < 0.5:
        return 0, 0, width, height
    left, right = rng.uniform(0, 0.07), rng.uniform(0, 0.07)
    top, bottom = rng.uniform(0, 0.16), rng.uniform(0, 0.12)
    return left * width, top * height, (1 - right) * width, (1 - bottom) * height


def grain(picture: Floats, rng: random.Random) -> Floats:
    """The texture of real surfaces, which flat shapes lack."""
    if rng.random() < 0.45:
        return picture
    height, width = picture.shape[:2]
    return picture * (1 + rng.uniform(0.02, 0.12) * texture(rng, width, height)[..., None])


def dashboard(picture: Floats, rng: random.Random) -> Floats:
    """The car's own bonnet along the bottom, or a reflection in the windscreen."""
    height, width = picture.shape[:2]
    if rng.random() < 0.18:
        columns = np.linspace(-1, 1, width)
        edge = height * (rng.uniform(0.86, 0.99) + rng.uniform(0, 0.12) * columns**2)
        mask = np.arange(height)[:, None] > edge[None]
        bonnet = np.array([rng.uniform(0, 110) for _ in range(3)], np.float32)
        picture = np.where(mask[..., None], bonnet * min(1.0, picture.mean() / 90 + 0.1), picture)
    if rng.random() < 0.12:
        picture = picture + rng.uniform(3, 20) * np.clip(texture(rng, width, height), 0, 2)[..., None]
    return picture


def smear(image: Image.Image, rng: random.Random) -> Image.Image:
    """Defocus or motion blur, at random."""
    kind = rng.random()
    if kind < 0.2:
        return image.filter(ImageFilter.GaussianBlur(image.width * rng.uniform(0.0015, 0.006)))
    if kind < 0.32:  # sideways shake: the mean of two shifted copies is enough at this size
        copy = image.transform(
            image.size, Image.Transform.AFFINE, (1, 0, image.width * rng.uniform(0.005, 0.02), 0, 1, 0)
        )
        return Image.blend(image, copy, 0.5)
    return image


def compress(image: Image.Image, rng: random.Random) -> Image.Image:
    """Block noise as a video codec leaves it."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=rng.randint(22, 85))
    return Image.open(buffer).convert("RGB")


def sensor_noise(picture: Floats, rng: random.Random, strength: float) -> Floats:
    """Gaussian noise of the given deviation."""
    noise = np.random.default_rng(rng.getrandbits(32)).standard_normal(picture.shape, dtype=np.float32)
    return picture + strength * noise
