"""When a video's frames are: from its index, or by reading its packets; and whether its end is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sightline.media.failures import unreadable

LOOSE_END_S = 2.0
"""Seconds by which packets may fall short of the stated duration before the file counts as cut off."""
TAIL_S = 10.0
"""Seconds before the stated end from which such a file is read to see whether it has its end."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """When a video's packets are. Shapes: times_s and keys_s are sorted, seconds after the first shown frame.

    What lies before 0 is decoded but not shown: an edit list starts the video later than its data.
    """

    origin_s: float
    times_s: NDArray[np.float64]
    keys_s: NDArray[np.float64]
    complete: bool


def read_timeline(
    container: InputContainer, stream: VideoStream, *, size_bytes: int, scan_bytes: int
) -> Timeline:
    """From the file's index where it has a whole one, else by reading its packets."""
    entries = stream.index_entries
    if len(entries) and len(entries) == stream.frames:
        _check_index(stream, size_bytes=size_bytes)
        delay = _reorder_delay(container, stream)
        stamps = [(entry.timestamp + delay, entry.is_keyframe) for entry in entries]
        return _timeline(stamps, stream, complete=True)
    return _scan(container, stream, size_bytes=size_bytes, scan_bytes=scan_bytes)


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


def _scan(container: InputContainer, stream: VideoStream, *, size_bytes: int, scan_bytes: int) -> Timeline:
    stamps: list[tuple[int, bool]] = []
    read_bytes, end_s = 0, 0.0
    for packet in container.demux():
        read_bytes += packet.size
        if packet.pts is not None:
            end_s = max(end_s, _end_s(packet))
            if packet.stream is stream:
                stamps.append((packet.pts, packet.is_keyframe))
        if read_bytes > scan_bytes:
            _check_tail(container)
            return _timeline(stamps, stream, complete=False)
    _check_end(container, end_s)
    _check_index(stream, size_bytes=size_bytes)
    return _timeline(stamps, stream, complete=True)


def _check_tail(container: InputContainer) -> None:
    """Whether a file too large to read whole has its end."""
    stated_s = ((container.start_time or 0) + (container.duration or 0)) / av.time_base
    container.seek(round(max(0.0, stated_s - TAIL_S) * av.time_base))
    shown = (packet for packet in container.demux() if packet.pts is not None)
    _check_end(container, max((_end_s(packet) for packet in shown), default=0.0))


def _end_s(packet: Packet[Any]) -> float:
    """When what is in a packet has been shown."""
    return float(((packet.pts or 0) + (packet.duration or 0)) * (packet.time_base or 0))


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
