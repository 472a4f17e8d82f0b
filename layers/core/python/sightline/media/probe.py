"""Looks into an uploaded file: what it is, and why it cannot be indexed where it cannot."""

from dataclasses import dataclass
from typing import BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sightline.media.container import open_video
from sightline.media.failures import unreadable
from sightline.media.rules import CONTENT_TYPE_FAMILIES
from sightline.media.timeline import Timeline, read_timeline

SCAN_BYTES = 1024**3
"""Bytes read to learn the times of a file without an index; a larger file is taken at its word."""
MAX_PIXELS = 8192 * 8192
MAX_FPS = 1000
"""Frames per second: steps shorter than this are a broken time base, not a camera."""
FIRST_PICTURE_PACKETS = 600


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a video is, as it is shown: width and height after rotation and pixel aspect."""

    container: str
    codec: str
    duration_s: float
    width: int
    height: int
    fps: float
    variable_fps: bool
    rotation: int


def look_into(
    source: BinaryIO, *, content_type: str, size_bytes: int, scan_bytes: int = SCAN_BYTES
) -> tuple[VideoFacts, Timeline]:
    """What the video is and when its frames are. Raises: UnreadableMediaError, with the reason."""
    with open_video(source) as (container, stream):
        _check_type(container, content_type)
        _check_codec(stream)
        timeline = read_timeline(container, stream, size_bytes=size_bytes, scan_bytes=scan_bytes)
        container.seek(0)
        picture = _first_picture(container, stream)
        return _facts(container, stream, picture, timeline), timeline


def _check_type(container: InputContainer, content_type: str) -> None:
    family = next((name for name in CONTENT_TYPE_FAMILIES if name in container.format.name.split(",")), "")
    declared = next((name for name, types in CONTENT_TYPE_FAMILIES.items() if content_type in types), "")
    if declared and declared != family:
        raise unreadable("type-mismatch", f"The content type says {content_type}, the file is {family}.")


def _check_codec(stream: VideoStream) -> None:
    context = stream.codec_context
    if context is None:
        raise unreadable("unsupported-codec")
    if context.width * context.height > MAX_PIXELS:
        raise unreadable("too-large-picture", f"{context.width} x {context.height} pixels are too many.")


def _first_picture(container: InputContainer, stream: VideoStream) -> VideoFrame:
    """The first frame that decodes whole."""
    for count, packet in enumerate(container.demux(stream)):
        try:
            whole = [frame for frame in packet.decode() if not frame.is_corrupt and frame.pts is not None]
        except av.error.FFmpegError:
            whole = []
        if whole:
            return whole[0]
        if count > FIRST_PICTURE_PACKETS:
            break
    raise unreadable("corrupt-media", "No picture of the video can be decoded: its data is damaged.")


def _facts(
    container: InputContainer, stream: VideoStream, picture: VideoFrame, timeline: Timeline
) -> VideoFacts:
    width, height = shown_size(picture, stream)
    steps = np.diff(timeline.times_s)
    step_s = float(np.median(steps)) if len(steps) else 0.0
    fps = 1 / step_s if step_s > 1 / MAX_FPS else float(stream.average_rate or 0)
    return VideoFacts(
        container=container.format.name.split(",")[0],
        codec=stream.codec_context.codec.canonical_name,
        duration_s=round(_duration_s(container, stream, timeline, fps), 3),
        width=width,
        height=height,
        fps=round(fps, 3),
        variable_fps=bool(len(steps)) and _uneven(steps),
        rotation=picture.rotation % 360,
    )


def _duration_s(container: InputContainer, stream: VideoStream, timeline: Timeline, fps: float) -> float:
    """As the index says; else to the end of the last frame that was seen, or as the header says."""
    if stream.duration and stream.time_base and stream.frames:
        return float(stream.duration * stream.time_base)
    seen_s = float(timeline.times_s[-1]) + (1 / fps if fps else 0.0)
    return seen_s if timeline.complete else max(seen_s, (container.duration or 0) / av.time_base)


def _uneven(steps: NDArray[np.float64]) -> bool:
    short, long = np.percentile(steps, [5, 95])
    return bool(long > 1.5 * max(1e-6, short))


def shown_size(picture: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Width and height as a player shows them."""
    aspect = stream.sample_aspect_ratio
    width = round(picture.width * float(aspect)) if aspect else picture.width
    return (picture.height, width) if picture.rotation % 180 else (width, picture.height)
