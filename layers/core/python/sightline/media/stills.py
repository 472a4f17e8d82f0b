"""Full-resolution pictures of a video at wanted times, decoded again from its source."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.stream import Discard
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from sightline.media.container import open_video
from sightline.media.decode import HAIR_S

BACK_OFF_S = (0.0, 1.0, 4.0, 16.0)
"""Seconds before the wanted time to seek to, in turn: some containers find one that is shown later."""
LATE_S = 1.0
"""Seconds after the wanted time that a picture may be, where no whole one is shown at it."""
SKIP_S = 2.0
"""Seconds to the next wanted time from which seeking is tried in a file without an index of key frames."""


@dataclass(frozen=True, slots=True)
class Still:
    """One picture as a player shows it, and when it is shown."""

    time_s: float
    width: int
    height: int
    jpeg: bytes


def stills(
    source: BinaryIO, times_s: Sequence[float], *, quality: int
) -> Iterator[tuple[float, Still | None]]:
    """The picture shown at each of the sorted times; None where the file has no whole one there.

    Raises: UnreadableMediaError.
    """
    with open_video(source) as (container, stream):
        for other in container.streams:
            if other is not stream:
                other.discard = Discard.all
        picker = _Picker(container, stream)
        for wanted_s in times_s:
            frame = picker.shown_at(wanted_s)
            yield wanted_s, None if frame is None else _still(frame, picker.time(frame), stream, quality)


class _Picker:
    """Decodes forward, and seeks where that leaves frames out."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._container, self._stream = container, stream
        self._scale = float(stream.time_base or 1)
        self._origin_s = (stream.start_time or 0) * self._scale
        self._keys_s = [
            entry.timestamp * self._scale - self._origin_s
            for entry in stream.index_entries
            if entry.is_keyframe
        ]
        self._frames: Iterator[VideoFrame] = iter(())
        self._shown: VideoFrame | None = None
        self._following: VideoFrame | None = None

    def time(self, frame: VideoFrame) -> float:
        """Seconds after the first shown frame."""
        return (frame.pts or 0) * float(frame.time_base or self._scale) - self._origin_s

    def shown_at(self, wanted_s: float) -> VideoFrame | None:
        """The last whole frame that begins at the time or before it, or one soon after."""
        if self._worth_seeking(wanted_s):
            for back_s in BACK_OFF_S:
                self._seek(wanted_s - back_s)
                if self._forward(wanted_s) or wanted_s <= back_s:
                    break
        else:
            self._forward(wanted_s)
        if self._shown is not None:
            return self._shown
        late = self._following
        return late if late is not None and self.time(late) - wanted_s <= LATE_S else None

    def _worth_seeking(self, wanted_s: float) -> bool:
        if self._shown is None:
            return True
        reached_s = self.time(self._following or self._shown)
        if wanted_s < self.time(self._shown) - HAIR_S:
            return True
        if not self._keys_s:
            return wanted_s - reached_s > SKIP_S
        place = bisect_right(self._keys_s, wanted_s + HAIR_S) - 1
        return place >= 0 and self._keys_s[place] > reached_s + HAIR_S

    def _seek(self, time_s: float) -> None:
        ticks = round((max(0.0, time_s) + self._origin_s + HAIR_S) / self._scale)
        try:
            self._container.seek(ticks, stream=self._stream, backward=True)
        except av.error.FFmpegError:
            # Some containers cannot seek before their first key frame; reading on from here finds it.
            self._container.seek(0)
        self._stream.codec_context.flush_buffers()
        self._frames, self._shown, self._following = _decoded(self._container, self._stream), None, None

    def _forward(self, wanted_s: float) -> bool:
        """Decodes until the wanted time is reached; whether a frame at it or before it was seen."""
        if self._following is not None and self.time(self._following) <= wanted_s + HAIR_S:
            self._shown, self._following = self._following, None
        while self._following is None and not self._exact(wanted_s):
            frame = next(self._frames, None)
            if frame is None:
                break
            if self.time(frame) <= wanted_s + HAIR_S:
                self._shown = frame
            else:
                self._following = frame
        return self._shown is not None

    def _exact(self, wanted_s: float) -> bool:
        return self._shown is not None and abs(self.time(self._shown) - wanted_s) <= HAIR_S


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Whole frames in the order in which they are shown; damaged ones are left out.

    Not a method: a generator that its holder keeps is a cycle, and 20 MB of decoder wait for the collector.
    """
    for packet in container.demux(stream):
        try:
            frames = stream.codec_context.decode(packet if packet.size else None)
        except av.error.FFmpegError:
            continue
        yield from (frame for frame in frames if frame.pts is not None and not frame.is_corrupt)


def _still(frame: VideoFrame, time_s: float, stream: VideoStream, quality: int) -> Still:
    """Rotation and pixel aspect applied, as players do."""
    aspect = float(stream.sample_aspect_ratio or 1)
    shown: NDArray[Any] = frame.reformat(
        width=max(1, round(frame.width * aspect)), height=frame.height, format="rgb24"
    ).to_ndarray()
    if turns := frame.rotation // 90 % 4:
        shown = np.ascontiguousarray(np.rot90(shown, turns))
    buffer = io.BytesIO()
    Image.fromarray(shown).save(buffer, "JPEG", quality=quality)
    return Still(round(time_s, 6), shown.shape[1], shown.shape[0], buffer.getvalue())
