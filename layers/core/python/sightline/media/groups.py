"""Groups of pictures: packets from one key frame to the next, to see what of them is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from av.packet import Packet
from av.video.stream import VideoStream

HELD_PACKETS = 2000
"""Packets of one group that are held back: 60 MB of 8 Mbit/s at 30 frames/s."""
LEADING_PACKETS = 64
"""Packets that may follow a key frame and be shown before it; codecs allow 16."""

Stamped: TypeAlias = "tuple[float, Packet[VideoStream]]"
"""A packet and when its frame is shown, in seconds after the video's first."""


@dataclass(slots=True)
class Group:
    """Packets in the order in which they are decoded.

    opens: it begins with a key frame; else it goes on with a group too long to be held.
    whole: it goes up to the next key frame or the end, and not only up to what can be held.
    next_key_s: when the key frame after it is shown, where there is one.
    trailing_s: frames that are shown before that key frame, and come after it in the file (an open group's).
    """

    packets: list[Stamped]
    opens: bool
    whole: bool
    next_key_s: float | None
    trailing_s: list[float]

    @property
    def times_s(self) -> list[float]:
        """When frames are shown that can be had before anything later is, in order."""
        return sorted([time_s for time_s, _ in self.packets] + self.trailing_s)


def groups_of(packets: Iterable[Stamped]) -> Iterator[Group]:
    """Cuts a stream of packets before its key frames."""
    held: list[Stamped] = []
    after: list[Stamped] = []  # the next key frame, and what is shown before it
    for time_s, packet in packets:
        if after and (packet.is_keyframe or time_s > after[0][0] or len(after) > LEADING_PACKETS):
            yield _closed(held, after)
            held, after = after, []
        if after or (packet.is_keyframe and held):
            after.append((time_s, packet))
            continue
        held.append((time_s, packet))
        if len(held) > HELD_PACKETS:
            yield _closed(held, after, whole=False)
            held = []
    if after:
        yield _closed(held, after)
        held, after = after, []
    if held:
        yield _closed(held, after)


def _closed(held: list[Stamped], after: list[Stamped], *, whole: bool = True) -> Group:
    return Group(
        packets=held,
        opens=held[0][1].is_keyframe,
        whole=whole,
        next_key_s=after[0][0] if after else None,
        trailing_s=[time_s for time_s, _ in after[1:]],
    )
