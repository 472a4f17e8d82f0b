"""Small videos made for tests: every frame carries its number, so that a tile tells which frame it shows."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

TICKS = 12_000
"""Per second, the time base of all test videos: and a day of them still fits 32 bits."""
CORNER = 0.25
"""Share of the picture's sides that the red corner takes: it shows which way is up."""


def picture(number: int, *, width: int = 320, height: int = 240) -> NDArray[np.uint8]:
    """Grey noise that the frame's number shades, with a red top-left corner."""
    noise = np.random.default_rng(number).integers(-12, 13, (height, width, 1), np.int16)
    shade = 40 + 7 * (number % 26)
    frame = np.clip(np.repeat(noise + shade, 3, axis=2), 0, 255).astype(np.uint8)
    frame[: int(height * CORNER), : int(width * CORNER)] = (220, 20, 20)
    return frame


def video(
    *,
    seconds: float = 3.0,
    fps: int = 10,
    width: int = 320,
    height: int = 240,
    codec: str = "libx264",
    container: str = "mp4",
    gop: int = 10,
    rotation: int = 0,
    times_s: Sequence[float] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    sound: bool = False,
    pixel_aspect: Fraction | None = None,
) -> bytes:
    """A video file; times_s gives each frame's own time (a variable frame rate)."""
    times = [number / fps for number in range(round(seconds * fps))] if times_s is None else list(times_s)
    folder = TemporaryDirectory()
    path = Path(folder.name) / "video"
    with folder, _opened(path, container, container_options) as out:
        stream = out.add_stream(codec, rate=fps, options=options or FAST.get(codec, {}))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS)
        stream.gop_size = gop
        if pixel_aspect:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if rotation:
            stream.set_display_rotation(rotation)
        audio = _silence(out) if sound else None
        for number, time_s in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number, width=width, height=height), format="rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = round(time_s * TICKS), Fraction(1, TICKS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if audio is not None:
            _write_silence(out, audio, seconds=times[-1] if times else 1.0)
        out.close()
        return path.read_bytes()


@contextmanager
def _opened(path: Path, container: str, options: dict[str, str] | None) -> Iterator[Any]:
    """A file, because an index at the front (faststart) is moved there by opening it again."""
    form = FORMATS.get(container, container)
    with _own_priority(), av.open(str(path), "w", format=form, options=options or {}) as out:
        yield out


@contextmanager
def _own_priority() -> Iterator[None]:
    """Run by root, SVT-AV1 leaves its caller and all that it starts with the highest real-time priority."""
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, priority)


FORMATS = {"mkv": "matroska", "ts": "mpegts", "mov": "mov"}
FAST: dict[str, dict[str, str]] = {
    "libx264": {"preset": "ultrafast"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libsvtav1": {"preset": "13"},
}


def sound_only(seconds: float = 1.0) -> bytes:
    """An MP4 with nothing to look at."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        _write_silence(out, _silence(out), seconds=seconds)
    return buffer.getvalue()


def _silence(out: Any) -> Any:
    return out.add_stream("aac", rate=48_000, layout="mono")


def _write_silence(out: Any, stream: Any, *, seconds: float) -> None:
    for start in range(0, int(seconds * 48_000), 1024):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def tiles_of(
    jpeg: bytes, *, columns: int, tile_width: int, tile_height: int, tiles: int
) -> list[NDArray[np.uint8]]:
    """The tiles of a contact sheet, in reading order."""
    sheet = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))
    return [
        sheet[top : top + tile_height, left : left + tile_width]
        for place in range(tiles)
        for top, left in [(place // columns * tile_height, place % columns * tile_width)]
    ]


def red_corner(tile: NDArray[np.uint8]) -> str:
    """Where the red corner lies: top-left in a picture the right way up."""
    height, width = tile.shape[:2]
    corners = {
        "top-left": tile[: height // 8, : width // 8],
        "top-right": tile[: height // 8, -width // 8 :],
        "bottom-left": tile[-height // 8 :, : width // 8],
        "bottom-right": tile[-height // 8 :, -width // 8 :],
    }
    return max(corners, key=lambda name: float(_redness(corners[name])))


def _redness(part: NDArray[np.uint8]) -> np.floating[Any]:
    return (part[..., 0].astype(np.float64) - part[..., 1]).mean()
