"""Looks into an uploaded file: what it is, and why it cannot be indexed where it cannot."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sightline.media.failures import unreadable
from sightline.media.rules import CONTENT_TYPE_FAMILIES

# Only containers of one file. FFmpeg also reads playlists, which name other files and hosts to open.
CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf"
READ_BYTES = 256 * 1024
SCAN_BYTES = 1024**3
"""Bytes read to learn the times of a file without an index; a larger file is taken at its word."""
MAX_PIXELS = 8192 * 8192
MAX_FPS = 1000
"""Frames per second: steps shorter than this are a broken time base, not a camera."""
FIRST_PICTURE_PACKETS = 600
LOOSE_END_S = 2.0
"""Seconds by which packets may fall short of the stated duration before the file counts as cut off."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """When a video's packets are. Shapes: times_s and keys_s are sorted, seconds after the first shown frame.

    What lies before 0 is decoded but not shown: an edit list starts the video later than its data.
    """

    origin_s: float
    times_s: NDArray[np.float64]
    keys_s: NDArray[np.float64]
    complete: bool


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


def _refuse_other_files(*_: Any) -> Any:
    raise PermissionError("a video does not open other files")


@contextmanager
def open_video(source: BinaryIO) -> Iterator[tuple[InputContainer, VideoStream]]:
    """A video's container and its main stream. Raises: UnreadableMediaError."""
    try:
        container = av.open(
            source,
            mode="r",
            container_options={"format_whitelist": CONTAINERS},
            buffer_size=READ_BYTES,
            io_open=_refuse_other_files,
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise _not_opened(source) from error
    with container:
        yield container, _video_stream(container)


def look_into(source: BinaryIO, *, content_type: str, size_bytes: int) -> tuple[VideoFacts, Timeline]:
    """What the video is and when its frames are. Raises: UnreadableMediaError, with the reason."""
    with open_video(source) as (container, stream):
        _check_type(container, content_type)
        _check_codec(stream)
        timeline = _read_timeline(container, stream, size_bytes=size_bytes)
        container.seek(0)
        picture = _first_picture(container, stream)
        return _facts(container, stream, picture, timeline), timeline


def _not_opened(source: BinaryIO) -> Exception:
    source.seek(0)
    head = source.read(64)
    if not head:
        return unreadable("empty-file")
    if head[4:8] in (b"ftyp", b"mdat", b"moov", b"wide", b"free"):
        return unreadable(
            "truncated-file",
            "The MP4 has no readable index (moov): the recording or the upload was cut off before its end.",
        )
    return unreadable("not-a-video")


def _video_stream(container: InputContainer) -> VideoStream:
    # A cover picture is a video stream of one frame that is attached, not played.
    played = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not played:
        what = "only sound" if container.streams.audio else "no picture track"
        raise unreadable("no-video-stream", f"The file has {what}: there is nothing to look at.")
    best = container.streams.best("video")
    stream = best if isinstance(best, VideoStream) and best in played else played[0]
    # Never by slices: that switches off H.264's error concealment, and with it the marks on damaged frames.
    stream.thread_type = "FRAME"
    return stream


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


def _read_timeline(container: InputContainer, stream: VideoStream, *, size_bytes: int) -> Timeline:
    """From the file's index where it has a whole one, else by reading its packets."""
    entries = stream.index_entries
    if len(entries) and len(entries) == stream.frames:
        _check_index(stream, size_bytes=size_bytes)
        delay = _reorder_delay(container, stream)
        stamps = [(entry.timestamp + delay, entry.is_keyframe) for entry in entries]
        return _timeline(stamps, stream, complete=True)
    return _scan(container, stream, size_bytes=size_bytes)


def _reorder_delay(container: InputContainer, stream: VideoStream) -> int:
    """Ticks from when a frame is decoded, which the index tells, to when it is shown."""
    packet = next(container.demux(stream))
    return 0 if packet.pts is None or packet.dts is None else packet.pts - packet.dts


def _check_index(stream: VideoStream, *, size_bytes: int) -> None:
    """An index that points behind the file's end belongs to a longer file."""
    if max((entry.pos + entry.size for entry in stream.index_entries), default=0) > size_bytes:
        raise unreadable(
            "truncated-file", f"The file ends before its video does: only {size_bytes:,} bytes are here."
        )


def _scan(container: InputContainer, stream: VideoStream, *, size_bytes: int) -> Timeline:
    stamps: list[tuple[int, bool]] = []
    read_bytes, end_s = 0, 0.0
    for packet in container.demux():
        read_bytes += packet.size
        if packet.pts is not None:
            end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream is stream:
                stamps.append((packet.pts, packet.is_keyframe))
        if read_bytes > SCAN_BYTES:
            return _timeline(stamps, stream, complete=False)
    _check_end(container, end_s)
    _check_index(stream, size_bytes=size_bytes)
    return _timeline(stamps, stream, complete=True)


def _check_end(container: InputContainer, end_s: float) -> None:
    """Truncated files raise nothing by themselves."""
    stated_s = ((container.start_time or 0) + (container.duration or 0)) / av.time_base
    if stated_s - end_s > LOOSE_END_S:
        raise unreadable("truncated-file", f"It should last {stated_s:.0f} s and ends after {end_s:.0f} s.")


def _timeline(stamps: list[tuple[int, bool]], stream: VideoStream, *, complete: bool) -> Timeline:
    if not stamps:
        raise unreadable("no-frames", "The file has a picture track without pictures.")
    stamps.sort()
    scale = float(stream.time_base or 0)
    first = stamps[0][0] if stream.start_time is None else stream.start_time
    times = np.array([stamp for stamp, _ in stamps], np.float64)
    keys = np.array([stamp for stamp, is_key in stamps if is_key], np.float64)
    return Timeline(first * scale, (times - first) * scale, (keys - first) * scale, complete)


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
