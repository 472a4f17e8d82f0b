"""Contact sheets: frames as tiles of one JPEG."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import Image

from sightline.media.sampling import TileGrid

QUALITY = 90
MAX_BYTES = 3_500_000
"""Bytes of one sheet: base64 of it still passes the 4 MB payload of a serverless endpoint's request."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One JPEG; its tiles lie in reading order, one per time."""

    jpeg: bytes
    columns: int
    times_s: tuple[float, ...]


def tile_of(frame: VideoFrame, grid: TileGrid) -> Picture:
    """A frame as it is shown, its rotation applied. Shapes: (tile_height, tile_width, 3)."""
    turns = frame.rotation // 90 % 4
    width, height = grid.tile_width, grid.tile_height
    if turns % 2:
        width, height = height, width
    scaled: Picture = (
        frame.reformat(width=width, height=height, format="rgb24").to_ndarray().astype(np.uint8, copy=False)
    )
    return np.rot90(scaled, turns) if turns else scaled


def sheets_of(samples: Iterable[tuple[float, VideoFrame]], grid: TileGrid) -> Iterator[Sheet]:
    """Fills sheets with frames, in order."""
    tiles: list[Picture] = []
    times: list[float] = []
    for time_s, frame in samples:
        tiles.append(tile_of(frame, grid))
        times.append(round(time_s, 6))
        if len(tiles) == grid.tiles:
            yield from _encoded(tiles, times, grid)
            tiles, times = [], []
    if tiles:
        yield from _encoded(tiles, times, grid)


def _encoded(tiles: list[Picture], times: list[float], grid: TileGrid) -> Iterator[Sheet]:
    """One sheet, or several of fewer tiles where it would be too large."""
    columns = min(grid.columns, len(tiles))
    jpeg = _jpeg(_composed(tiles, columns, grid))
    if len(jpeg) <= MAX_BYTES or len(tiles) == 1:
        yield Sheet(jpeg, columns, tuple(times))
        return
    half = -(-len(tiles) // 2)
    yield from _encoded(tiles[:half], times[:half], grid)
    yield from _encoded(tiles[half:], times[half:], grid)


def _composed(tiles: list[Picture], columns: int, grid: TileGrid) -> Picture:
    rows = -(-len(tiles) // columns)
    sheet = np.zeros((rows * grid.tile_height, columns * grid.tile_width, 3), np.uint8)
    for place, tile in enumerate(tiles):
        top = place // columns * grid.tile_height
        left = place % columns * grid.tile_width
        sheet[top : top + grid.tile_height, left : left + grid.tile_width] = tile
    return sheet


def _jpeg(picture: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=QUALITY, subsampling="4:2:0")
    return buffer.getvalue()
