"""Stretches of a video cut out without decoding: packets are copied, so a clip begins at a key frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.stream import VideoStream

from sightline.media.container import open_video
from sightline.media.decode import HAIR_S
from sightline.media.stills import BACK_OFF_S

IN_MP4 = frozenset({"h264", "hevc", "av1", "mpeg4", "vp9"})
"""Codecs that players expect in an MP4; every other goes into Matroska, which holds almost all."""
FORMATS = {"mp4": "mp4", "mkv": "matroska"}


class ClipError(Exception):
    """This stretch cannot be copied; the message says why, to its owner."""


@dataclass(frozen=True, slots=True)
class Clip:
    """What was cut: key frame to last frame, which is no less than was asked for."""

    container: str
    start_s: float
    end_s: float
    size_bytes: int


def kinds_of(codec: str) -> tuple[str, ...]:
    """The kinds of file that a clip of this codec may become, the better one first."""
    return ("mp4", "mkv") if codec in IN_MP4 else ("mkv",)


def cut(source: BinaryIO, target: Path, *, start_s: float, end_s: float, max_bytes: int) -> Clip:
    """Copies the picture packets of a stretch into a file of their own.

    Raises: ClipError, UnreadableMediaError.
    """
    with open_video(source) as (container, stream):
        for other in container.streams:
            if other is not stream:
                other.discard = Discard.all
        codec = stream.codec_context.codec.canonical_name
        for kind in kinds_of(codec):
            try:
                with av.open(str(target), "w", format=FORMATS[kind]) as out:
                    first_s, last_s = _copy(container, stream, out, start_s, end_s, max_bytes)
            except (av.error.FFmpegError, ValueError) as error:
                refused = error
            else:
                return Clip(kind, round(first_s, 6), round(last_s, 6), target.stat().st_size)
        name = f"{codec} in {container.format.name.split(',')[0]}"
        raise ClipError(f"{name} cannot be copied into {kind} without encoding it again.") from refused


def _copy(
    container: InputContainer,
    stream: VideoStream,
    out: OutputContainer,
    start_s: float,
    end_s: float,
    max_bytes: int,
) -> tuple[float, float]:
    """The real range of what was copied."""
    scale = float(stream.time_base or 1)
    origin_s = (stream.start_time or 0) * scale
    copied = out.add_stream_from_template(stream, opaque=True)
    shift: int | None = None
    first_s, last_s, size = 0.0, 0.0, 0
    for packet in _packets(container, stream, start_s, end_s, origin_s=origin_s):
        pts, dts = packet.pts, packet.dts
        if pts is None or dts is None:
            raise ClipError("Its packets carry no times.")
        if shift is None:
            shift, first_s = pts, pts * scale - origin_s
        size += packet.size
        if size > max_bytes:
            raise ClipError(f"It is larger than {max_bytes:,} bytes.")
        last_s = max(last_s, (pts + (packet.duration or 0)) * scale - origin_s)
        packet.pts, packet.dts, packet.stream = pts - shift, dts - shift, copied
        out.mux(packet)
    if shift is None:
        raise ClipError("No picture begins in this stretch.")
    return first_s, last_s


def _packets(
    container: InputContainer, stream: VideoStream, start_s: float, end_s: float, *, origin_s: float
) -> Iterator[Packet[Any]]:
    """From the key frame at the start or before it, until everything shown before the end is there."""
    scale = float(stream.time_base or 1)
    opened_at: int | None = None
    end_s = max(end_s, start_s + 2 * HAIR_S)  # a stretch without length shows the frame it begins with
    for packet in _from_key_frame(container, stream, start_s, origin_s=origin_s):
        decoded_at = packet.dts if packet.dts is not None else packet.pts
        # Nothing is shown before it is decoded: what is decoded after the end is not needed.
        if decoded_at is not None and decoded_at * scale - origin_s >= end_s - HAIR_S:
            return
        if opened_at is None:
            opened_at = packet.pts
        elif packet.pts is not None and packet.pts < opened_at:
            # Shown before the key frame (an open group): they need what was left out.
            continue
        yield packet


def _from_key_frame(
    container: InputContainer, stream: VideoStream, start_s: float, *, origin_s: float
) -> Iterator[Packet[Any]]:
    """Packets from the last key frame shown at a time or before it, or else from the first."""
    scale = float(stream.time_base or 1)
    for back_s in BACK_OFF_S:
        ticks = round((max(0.0, start_s - back_s) + origin_s + HAIR_S) / scale)
        try:
            container.seek(ticks, stream=stream, backward=True)
        except av.error.FFmpegError:
            # Some containers cannot seek before their first key frame; reading on from here finds it.
            container.seek(0)
        packets = (packet for packet in container.demux(stream) if packet.size)
        opening = next((packet for packet in packets if packet.is_keyframe), None)
        if opening is None:
            continue
        shown_s = None if opening.pts is None else opening.pts * scale - origin_s
        if shown_s is None or shown_s <= start_s + HAIR_S or start_s <= back_s or back_s == BACK_OFF_S[-1]:
            yield opening
            yield from packets
            return
