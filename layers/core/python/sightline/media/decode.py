"""Takes the wanted frames out of a stretch of video, decoding no more than they need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from sightline.media.sampling import Chunk, Plan, cell_of

HELD_BYTES = 64 * 1024**2
"""Bytes of packets kept undecoded while it is open whether a frame before the next key frame is wanted."""
SOME_DAMAGE = 2
"""Damaged frames that are left out of any stretch, however short."""
MAX_DAMAGED_SHARE = 0.05
"""Share of damaged frames above which a video is refused; fewer are left out and the rest is indexed."""
SKIP_S = 10.0
"""Seconds to the next wanted frame from which seeking is cheaper than reading on (a read-ahead of 8 MiB)."""


@dataclass(slots=True)
class Damage:
    """What a stretch lost: frames decoded, and how many of them were damaged."""

    decoded: int = 0
    damaged: int = 0

    @property
    def share(self) -> float:
        """0 for a whole stretch, 1 where nothing could be used."""
        return self.damaged / max(1, self.decoded + self.damaged)

    @property
    def bearable(self) -> bool:
        """Whether the stretch can be indexed without what was lost."""
        return self.damaged <= SOME_DAMAGE or self.share <= MAX_DAMAGED_SHARE


@dataclass(slots=True)
class Sampler:
    """The first whole frame of every sampling cell in a chunk, with its time after the first frame."""

    container: InputContainer
    stream: VideoStream
    plan: Plan
    chunk: Chunk
    damage: Damage = field(default_factory=Damage)
    _next_s: float = field(init=False)
    _clean_from_s: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        self._next_s = self.chunk.start_s
        if self.plan.mode == "keyframes":
            # Each is decoded alone: threads would only wait for the next.
            self.stream.codec_context.thread_count = 1
        for other in self.container.streams:
            if other is not self.stream:
                other.discard = Discard.all

    def __iter__(self) -> Iterator[tuple[float, VideoFrame]]:
        self._clean_from_s = self.chunk.start_s
        self._seek(self.chunk.start_s)
        return self._keyframes() if self.plan.mode == "keyframes" else self._all()

    def _seek(self, time_s: float) -> None:
        ticks = round((time_s + self.plan.origin_s) / float(self.stream.time_base or 1))
        try:
            self.container.seek(ticks, stream=self.stream, backward=True)
        except av.error.FFmpegError:
            # Some containers cannot seek before their first key frame; reading on from here finds it.
            self.container.seek(0)

    def _time(self, stamped: Packet[VideoStream] | VideoFrame) -> float | None:
        if stamped.pts is None:
            return None
        base = stamped.time_base or self.stream.time_base or Fraction(1)
        return float(stamped.pts * base) - self.plan.origin_s

    def _keyframes(self) -> Iterator[tuple[float, VideoFrame]]:
        """Key frames stand alone: decode those that open a cell, and nothing else."""
        sought_s = self.chunk.start_s
        for packet in self.container.demux(self.stream):
            time_s = self._time(packet)
            if time_s is None or not packet.is_keyframe:
                continue
            if time_s >= self.chunk.end_s:
                return
            if self._wanted(time_s):
                frames = [*self._decoded(packet), *self._flushed()]
                if not frames:
                    self.damage.damaged += 1
                yield from self._kept(frames)
            elif self._next_s - time_s > SKIP_S and sought_s < self._next_s:
                sought_s = self._next_s
                self._seek(sought_s)

    def _all(self) -> Iterator[tuple[float, VideoFrame]]:
        """Decodes up to each wanted frame, and drops the rest of a group of pictures that holds no other."""
        held: list[Packet[VideoStream]] = []
        held_bytes = 0
        for packet in self.container.demux(self.stream):
            time_s = self._time(packet)
            if time_s is None:
                continue
            if packet.is_keyframe and time_s <= self._next_s + 1e-6 and held:
                # Every frame before this one is too early, and none after it needs them.
                self.stream.codec_context.flush_buffers()
                held, held_bytes = [], 0
                self._clean_from_s = time_s
            held.append(packet)
            held_bytes += packet.size
            if time_s < self._next_s - 1e-6 and held_bytes < HELD_BYTES:
                continue
            for ready in held:
                yield from self._kept(self._decoded(ready))
            held, held_bytes = [], 0
            if self._next_s >= self.chunk.end_s - 1e-6:
                return
        for ready in held:
            yield from self._kept(self._decoded(ready))
        yield from self._kept(self._flushed())

    def _decoded(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        try:
            return list(self.stream.codec_context.decode(packet))
        except av.error.FFmpegError:
            if self.plan.mode == "all":
                self._note_damage(None if packet is None else self._time(packet))
            return []

    def _note_damage(self, time_s: float | None) -> None:
        """Counts a damaged frame, unless it only misses what we left out before it."""
        if time_s is None or time_s >= self._clean_from_s:
            self.damage.damaged += 1

    def _flushed(self) -> list[VideoFrame]:
        frames = self._decoded(None)
        self.stream.codec_context.flush_buffers()
        return frames

    def _kept(self, frames: list[VideoFrame]) -> Iterator[tuple[float, VideoFrame]]:
        for frame in frames:
            time_s = self._time(frame)
            if time_s is None or frame.is_corrupt:
                self._note_damage(time_s)
                continue
            self.damage.decoded += 1
            if time_s < self.chunk.end_s - 1e-6 and self._wanted(time_s):
                self._next_s = (cell_of(time_s, self.plan.interval_s) + 1) * self.plan.interval_s
                yield time_s, frame
            elif time_s >= self.chunk.end_s - 1e-6:
                self._next_s = self.chunk.end_s

    def _wanted(self, time_s: float) -> bool:
        return time_s >= self._next_s - 1e-6
