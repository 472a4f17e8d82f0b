"""Opens an uploaded file as a video, and as nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from sightline.media.failures import unreadable

# Only containers of one file. FFmpeg also reads playlists, which name other files and hosts to open.
CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf"
READ_BYTES = 256 * 1024


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
