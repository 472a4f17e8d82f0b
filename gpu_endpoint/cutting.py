"""Which items form the next batch: the oldest request always moves, and small ones pass a huge one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

PADDING = 1.5  # a batch may be so many times larger, padded, than what is in it, and `spare` on top


class Parcel:
    """The items of one request that no batch has taken yet, the smallest first; `left` is their size."""

    def __init__(self, items: Sequence[Any], sizes: Sequence[int] | None = None) -> None:
        self.items = items
        self.sizes = sizes
        # Taken from the end. Items alike in size go together, so that little is padding.
        self.order = list(range(len(items) - 1, -1, -1))
        self.left = len(items) if sizes is None else sum(sizes)
        if sizes is not None and len(items) > 1:
            self.order.sort(key=sizes.__getitem__, reverse=True)

    def __len__(self) -> int:
        """Items left."""
        return len(self.order)

    @property
    def size(self) -> int:
        """Of the next item."""
        return 1 if self.sizes is None else self.sizes[self.order[-1]]

    def take(self) -> int:
        """The position of the next item, which is then no longer here."""
        self.left -= self.size
        return self.order.pop()


@dataclass(slots=True)
class Cut:
    """A batch in the making: (parcel, position) pairs, and what it costs once padded to its largest item."""

    max_items: int
    max_size: int
    spare: int = 0
    taken: list[tuple[Any, int]] = field(default_factory=list)
    longest: int = 0
    total: int = 0

    @property
    def padded(self) -> int:
        """What the network will work on."""
        return len(self.taken) * self.longest

    def fits(self, size: int) -> bool:
        """Whether an item of this size may join; the first always may."""
        if not self.taken:
            return True
        padded = (len(self.taken) + 1) * max(self.longest, size)
        if self.max_size and padded > self.max_size:
            return False
        return padded <= PADDING * (self.total + size) + self.spare

    def fill(self, parcels: Iterable[Any], upto: int) -> None:
        """Takes items in the order of the parcels until `upto` are taken or none fits."""
        for parcel in parcels:
            while len(parcel) and self.fits(size := parcel.size):
                if len(self.taken) >= upto:
                    return
                self.taken.append((parcel, parcel.take()))
                self.longest = max(self.longest, size)
                self.total += size


def cut(parcels: Sequence[Any], *, max_items: int, max_size: int = 0, spare: int = 0) -> Cut:
    """The next batch out of parcels in the order of their arrival.

    Half of it belongs to the oldest, the other half to those that need least: one request of 256 texts
    slows down a question beside it by one batch and not by eight, and yet it is never starved.
    `max_size` bounds the padded size; 0 does not. `spare` is the padding that costs no more than one batch
    more would. Source of the second half: shortest remaining time first.
    """
    batch = Cut(max_items, max_size, spare)
    batch.fill(parcels, max(1, max_items // 2))
    batch.fill(sorted(parcels, key=len), max_items)
    return batch
