"""Drawn frames and contact sheets for tests: no file of anybody's, and the same every time."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFilter

from sightline.contracts.inference import SheetLayout

TILE = (448, 256)


def frame(seed: int, size: tuple[int, int] = TILE) -> Image.Image:
    """Sky, road and a few blocks, softened as a lens would."""
    draw_with = random.Random(seed)
    picture = Image.new("RGB", size, colour(draw_with))
    pencil = ImageDraw.Draw(picture)
    horizon = size[1] * draw_with.randint(35, 60) // 100
    pencil.rectangle((0, horizon, *size), fill=colour(draw_with))
    for _ in range(12):
        left, top = draw_with.randrange(size[0]), draw_with.randrange(size[1])
        width, height = draw_with.randint(10, 120), draw_with.randint(10, 90)
        pencil.rectangle((left, top, left + width, top + height), fill=colour(draw_with))
    return picture.filter(ImageFilter.GaussianBlur(1.5))


def colour(draw_with: random.Random) -> tuple[int, int, int]:
    """Any colour."""
    return draw_with.randrange(256), draw_with.randrange(256), draw_with.randrange(256)


def sheet(frames: Sequence[Image.Image], columns: int = 8) -> tuple[bytes, SheetLayout]:
    """The frames as one JPEG, in reading order, and where they lie."""
    width, height = frames[0].size
    layout = SheetLayout(columns=columns, tile_width=width, tile_height=height, tiles=len(frames))
    picture = Image.new("RGB", (columns * width, layout.rows * height))
    for index, one in enumerate(frames):
        picture.paste(one, (index % columns * width, index // columns * height))
    return jpeg(picture), layout


def jpeg(picture: Image.Image, quality: int = 92) -> bytes:
    """Encoded as the pipeline encodes sheets."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def with_more_scans(picture: Image.Image, more: int) -> bytes:
    """A progressive JPEG whose last scan, a few bytes of nothing new, comes so many times more."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", progressive=True)
    file = buffer.getvalue()
    last, end = file.rindex(b"\xff\xda"), file.rindex(b"\xff\xd9")
    return file[:last] + file[last:end] * (1 + more) + file[end:]
