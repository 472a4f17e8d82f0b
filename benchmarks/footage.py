"""A driving video as a dashcam writes it: H.264, 720p, 30 frames/s, motion, sensor noise."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

import av
import numpy as np
from av.video.frame import PictureType
from numpy.typing import NDArray
from PIL import Image

from benchmarks.report import BUILD
from gpu_endpoint.training import drive

WIDTH, HEIGHT, FPS = 1280, 720, 30
SCENE_S = 3.0  # one rendered picture lasts so long, panned over
PAN_PX = 64
NOISE_LEVELS = 14  # makes 4.4 Mbit/s, a dashcam's bitrate
PRESET, CRF = "veryfast", "22"
LEAST_FPS = 20

Plane = NDArray[np.uint8]


def video(seconds: float = 600.0, *, gop_s: float = 2.0) -> Path:
    """The video with a key frame every gop_s, rendered and encoded once and kept under build/."""
    path = BUILD / f"drive_{HEIGHT}p_{seconds:g}s_gop{gop_s:g}.mp4"
    if path.exists():
        return path
    return _encoded(path, _drive(seconds), gop_s=gop_s, options={"preset": PRESET, "crf": CRF})


def joined(folder: Path, seconds: float) -> Path:
    """Real clips one after another, over and over, as x264 encodes them when nothing is said; made once."""
    path = BUILD / f"clips_{HEIGHT}p_{seconds:g}s.mp4"
    if path.exists():
        return path
    clips = [clip for clip in sorted(folder.glob("*.mp4")) if _moves(clip)]
    if not clips:
        raise SystemExit(f"no *.mp4 of at least {LEAST_FPS} frames/s in {folder}")
    return _encoded(path, islice(_over_and_over(clips), round(seconds * FPS)))


def _encoded(
    path: Path,
    frames: Iterable[av.VideoFrame],
    *,
    gop_s: float | None = None,
    options: Mapping[str, str] | None = None,
) -> Path:
    """H.264 of these frames; x264 places key frames by itself where no gop_s is given."""
    BUILD.mkdir(parents=True, exist_ok=True)
    print(f"encoding {path.name} (once) ...", file=sys.stderr, flush=True)
    unfinished = path.with_suffix(".part.mp4")
    with av.open(str(unfinished), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base, stream.options = Fraction(1, FPS), {**(options or {})}
        if gop_s is not None:
            stream.gop_size = round(gop_s * FPS)
        for pts, frame in enumerate(frames):
            # not the stream's time base, which the container changes with its first packet
            frame.pts, frame.time_base, frame.pict_type = pts, Fraction(1, FPS), PictureType.NONE
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    unfinished.rename(path)
    return path


def _moves(clip: Path) -> bool:
    """Whether it has the frames of a film, and not two a second."""
    with av.open(str(clip)) as container:
        return (container.streams.video[0].average_rate or 0) >= LEAST_FPS


def _over_and_over(clips: list[Path]) -> Iterator[av.VideoFrame]:
    """Every frame of the clips, at the video's size, without an end."""
    for clip in cycle(clips):
        with av.open(str(clip)) as container:
            for frame in container.decode(video=0):
                yield frame.reformat(width=WIDTH, height=HEIGHT, format="yuv420p")


def _drive(seconds: float) -> Iterator[av.VideoFrame]:
    """A rendered drive, panned over and with noise."""
    noise = np.random.default_rng(1).integers(0, NOISE_LEVELS, (HEIGHT * 2, WIDTH), dtype=np.uint8)
    for picture in _scenes(seconds):
        for step in range(round(SCENE_S * FPS)):
            yield av.VideoFrame.from_ndarray(_shown(picture, step, noise), format="yuv420p")


def _scenes(seconds: float) -> list[Plane]:
    """Rendered pictures a little larger than the video, in yuv420p."""
    stretches = drive.plan(seconds, 3, 640, 360)
    pictures = []
    for _, _, image in drive.frames(stretches, 1 / SCENE_S):
        wide = image.resize((WIDTH + PAN_PX, HEIGHT), Image.Resampling.BICUBIC)
        frame = av.VideoFrame.from_ndarray(np.asarray(wide), format="rgb24")
        pictures.append(frame.reformat(format="yuv420p").to_ndarray().astype(np.uint8))
    return pictures


def _shown(picture: Plane, step: int, noise: Plane) -> Plane:
    """One frame of the pan, with fresh noise in its luma."""
    shift = (step * PAN_PX // round(SCENE_S * FPS)) // 2 * 2
    wide = WIDTH + PAN_PX
    luma, chroma = picture[:HEIGHT], picture[HEIGHT:].reshape(-1, wide // 2)
    seen = np.minimum(luma[:, shift : shift + WIDTH], 255 - NOISE_LEVELS)
    seen = seen + noise[step * 7 % HEIGHT :][:HEIGHT]
    colours = chroma[:, shift // 2 : (shift + WIDTH) // 2]
    return np.concatenate([seen, np.ascontiguousarray(colours).reshape(HEIGHT // 2, WIDTH)])


if __name__ == "__main__":
    print(video(gop_s=float(sys.argv[1])))
