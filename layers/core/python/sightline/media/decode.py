"""Takes the wanted frames out of a stretch of video, decoding no more than they need."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from sightline.media.damage import Damage
from sightline.media.groups import Group, Stamped, groups_of
from sightline.media.sampling import KEY_FRAME_REACH, Chunk, Plan, cell_of

HAIR_S = 1e-6
"""Seconds by which times may differ and be the same: time bases round."""
SKIP_S = 10.0
"""Seconds to the next wanted frame from which seeking is cheaper than reading on (a read-ahead of 8 MiB)."""
SPARING_CODECS = ("h264", "mpeg4", "mpeg2video", "mpeg1video")
"""Codecs whose decoders tell frames that no other needs; HEVC's mean: in the same temporal layer."""


@dataclass(slots=True)
class Sampler:
    """One whole frame of every sampling cell in a chunk, with its time after the first frame.

    It is the cell's first, or a key frame soon after, which costs less. `threads` decode one video together.
    """

    container: InputContainer
    stream: VideoStream
    plan: Plan
    chunk: Chunk
    threads: int = 1
    damage: Damage = field(default_factory=Damage)
    _next_s: float = field(init=False)
    _clean_from_s: float = field(init=False, default=float("-inf"))
    _spares: bool = field(init=False)

    def __post_init__(self) -> None:
        self._next_s = self.chunk.start_s
        self._spares = self.stream.codec_context.codec.canonical_name in SPARING_CODECS
        # A key frame is decoded alone: threads would only wait for the next.
        self.stream.codec_context.thread_count = 1 if self.plan.mode == "keyframes" else self.threads
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
        """Looks over a group of pictures before it decodes what of it is needed: nothing where the next key
        frame will do, else up to the last wanted frame, and on the way only what others refer to.
        """
        joined = False
        for group in groups_of(self._packets()):
            if group.opens and not joined:
                self._start_at(group.packets[0][0])
            if group.whole:
                wanted = self._wanted_of(group)
                joined = any(time_s in wanted for time_s in group.trailing_s)
                yield from self._from_group(group, wanted, joined=joined)
            else:
                for time_s, packet in group.packets:
                    yield from self._fed(packet, needed=self._wanted(time_s))
            if self._next_s >= self.chunk.end_s - HAIR_S:
                return

    def _packets(self) -> Iterator[Stamped]:
        """Up to the chunk's end: what is decoded after it is shown after it."""
        for packet in self.container.demux(self.stream):
            time_s = self._time(packet)
            if time_s is None:
                continue
            yield time_s, packet
            ahead = 0 if packet.pts is None or packet.dts is None else packet.pts - packet.dts
            if time_s - ahead * float(packet.time_base) > self.chunk.end_s + self.plan.interval_s:
                return

    def _wanted_of(self, group: Group) -> set[float]:
        """The first frame of each cell, until a key frame after the group serves."""
        wanted, next_s = set(), self._next_s
        for time_s in group.times_s:
            reach_s = next_s + KEY_FRAME_REACH * self.plan.interval_s - HAIR_S
            if group.next_key_s is not None and group.next_key_s < reach_s:
                break
            if time_s >= self.chunk.end_s - HAIR_S:
                break
            if time_s >= next_s - HAIR_S:
                wanted.add(time_s)
                next_s = (cell_of(time_s, self.plan.interval_s) + 1) * self.plan.interval_s
        return wanted

    def _from_group(
        self, group: Group, wanted: Collection[float], *, joined: bool
    ) -> Iterator[tuple[float, VideoFrame]]:
        """joined: the next group's first frames need this one, so that all of it is decoded."""
        needed = [number for number, (time_s, _) in enumerate(group.packets, 1) if time_s in wanted]
        upto = len(group.packets) if joined else max(needed, default=0)
        for time_s, packet in group.packets[:upto]:
            yield from self._fed(packet, needed=time_s in wanted)
        if joined or not (upto or not group.opens):
            return
        yield from self._kept(self._flushed())
        if group.opens and any(time_s >= self._next_s - HAIR_S for time_s in wanted):
            yield from self._instead(group)

    def _instead(self, group: Group) -> Iterator[tuple[float, VideoFrame]]:
        """A wanted frame is damaged: another of its cell will do. Its damage was counted the first time."""
        counted = replace(self.damage)
        for _, packet in group.packets:
            yield from self._fed(packet, needed=True)
        yield from self._kept(self._flushed())
        self.damage.decoded, self.damage.damaged = counted.decoded, counted.damaged

    def _start_at(self, time_s: float) -> None:
        """Forgets what was decoded: the next packet is a key frame, and what it does not need is left out."""
        self.stream.codec_context.flush_buffers()
        self._clean_from_s = time_s

    def _fed(self, packet: Packet[VideoStream], *, needed: bool) -> Iterator[tuple[float, VideoFrame]]:
        """What comes out for a packet; a frame that is not needed is decoded only if others refer to it."""
        if self._spares:
            self.stream.codec_context.skip_frame = "DEFAULT" if needed else "NONREF"
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
