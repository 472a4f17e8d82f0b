"""Takes the wanted frames out of a stretch of video, decoding no more than they need."""

from __future__ import annotations

from collections import deque
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

HAIR_S = 1e-6
"""Seconds by which times may differ and be the same: time bases round."""
HELD_PACKETS = 2000
"""Packets kept undecoded while it is open whether they are needed: 60 MB of 8 Mbit/s at 30 frames/s."""
KEY_FRAME_REACH = 0.5
"""Share of a cell in which a key frame is taken instead of its first frame: only it need be decoded. A larger
share would save more, and let frames come in pairs, up to two intervals apart."""
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
    """One whole frame of every sampling cell in a chunk, with its time after the first frame.

    It is the cell's first, or a key frame soon after, which costs less.
    """

    container: InputContainer
    stream: VideoStream
    plan: Plan
    chunk: Chunk
    damage: Damage = field(default_factory=Damage)
    _next_s: float = field(init=False)
    _clean_from_s: float = field(init=False, default=float("-inf"))
    _fed_s: float = field(init=False, default=float("-inf"))

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
        """Holds packets until it is known which are needed: a key frame that will do makes those before it
        needless, be they too early or of a group of pictures in which no other frame is wanted.
        """
        held: deque[Packet[VideoStream]] = deque()
        for packet in self.container.demux(self.stream):
            time_s = self._time(packet)
            if time_s is None:
                continue
            if packet.is_keyframe and not self._pending and time_s < self._reach_s:
                self._start_at(time_s)
                held.clear()
            held.append(packet)
            while held and self._due(time_s, held):
                yield from self._feed(held.popleft())
            if self._next_s >= self.chunk.end_s - HAIR_S:
                return
        for packet in held:
            yield from self._feed(packet)
        yield from self._kept(self._flushed())

    @property
    def _reach_s(self) -> float:
        """Until when a key frame is worth waiting for."""
        return self._next_s + KEY_FRAME_REACH * self.plan.interval_s - HAIR_S

    @property
    def _pending(self) -> bool:
        """Whether a wanted frame is in the decoder, which gives it back some packets later."""
        return self._fed_s >= self._next_s - HAIR_S

    def _due(self, last_s: float, held: deque[Packet[VideoStream]]) -> bool:
        """Whether held packets must be decoded: no key frame can come any more that makes them needless."""
        if self._pending or last_s >= self._reach_s:
            return True
        opens_cell = len(held) == 1 and held[0].is_keyframe and last_s >= self._next_s - HAIR_S
        return opens_cell or len(held) > HELD_PACKETS

    def _start_at(self, time_s: float) -> None:
        """Forgets what was decoded: the next packet is a key frame, and what it does not need is left out."""
        self.stream.codec_context.flush_buffers()
        self._clean_from_s, self._fed_s = time_s, float("-inf")

    def _feed(self, packet: Packet[VideoStream]) -> Iterator[tuple[float, VideoFrame]]:
        self._fed_s = max(self._fed_s, self._time(packet) or 0.0)
        yield from self._kept(self._decoded(packet))

    def _decoded(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        try:
            return list(self.stream.codec_context.decode(packet))
        except av.error.FFmpegError:
            if self.plan.mode == "all":
                self._note_damage(None if packet is None else self._time(packet))
            return []

    def _note_damage(self, time_s: float | None) -> None:
        """Counts a damaged frame, unless it only misses what we left out before it."""
        if time_s is None or time_s >= self._clean_from_s - HAIR_S:
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
            if time_s < self._clean_from_s - HAIR_S:
                continue
            self.damage.decoded += 1
            if time_s < self.chunk.end_s - HAIR_S and self._wanted(time_s):
                self._next_s = (cell_of(time_s, self.plan.interval_s) + 1) * self.plan.interval_s
                yield time_s, frame
            elif time_s >= self.chunk.end_s - HAIR_S:
                self._next_s = self.chunk.end_s

    def _wanted(self, time_s: float) -> bool:
        return time_s >= self._next_s - HAIR_S
