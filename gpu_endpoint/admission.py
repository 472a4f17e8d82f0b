"""Who may wait: a request is taken only when it is expected to be answered in time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gpu_endpoint.cutting import Cut, Parcel
from gpu_endpoint.errors import BodyTooLargeError, DeadlineError, OverloadedError
from gpu_endpoint.pace import Pace

MAX_RETRY_S = 60.0
UNKNOWN_S = 1.0  # before the first batch has run
BUSY = 0.9  # of what a batch takes in the lane is its own; more than that on a machine busy with other things
QUICK_S = 0.005  # a batch quicker than this costs less than being handed to its thread and back
MARGIN = 0.15  # of what the caller waits: for reading, for writing, and for a batch slower than expected


@dataclass(frozen=True, slots=True)
class Limits:
    """How a lane batches and what it admits."""

    max_batch: int = 32
    max_size: int = 0
    """Of a batch, padded to its largest item; 0: no bound."""
    wait_s: float = 0.002
    """How long a lane waits, after a batch, for one more of as many items as came last time."""
    wait_share: float = 1.0
    """For all of them together, at most this share of what a batch costs however small it is."""
    max_queued: int = 1024
    deadline_s: float = 55.0  # InvokeEndpoint gives up after 60
    stretch: float = 2.0
    """A request that names no deadline may take so many times what a full batch takes on an idle lane."""


class Work(NamedTuple):
    """Items and their size together."""

    items: int
    size: int


class Queue(NamedTuple):
    """What waits, and what was promised a place while it is being prepared."""

    items: int
    size: int
    parcels: Sequence[Parcel]
    promised: int = 0
    """Items that are not here yet; taken to be of size 1."""
    likely: int = 0
    """Items that joined while the last batch ran: as many may join these before theirs begins."""


class Gate:
    """Decides by what the lane's batches have been taking."""

    def __init__(self, limits: Limits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._clock = clock
        self.pace = Pace()
        """Of batches as this lane sees them: with the handing over, and other models' turns before them."""
        self.alone = Pace()
        """Of the network only: what a batch takes on an idle lane."""
        self._turned_away_s = 0.0
        self._counted_at = clock()

    def admit(self, own: Work, queue: Queue, *, busy_s: float, deadline_s: float | None) -> None:
        """`busy_s`: until the batch that runs is done.

        Raises: OverloadedError; BodyTooLargeError, DeadlineError, for what could not be done at any time.
        """
        if deadline_s is not None and deadline_s <= 0:
            raise DeadlineError("the time for an answer had passed before there was work to do")
        if own.items > self.limits.max_queued:
            raise BodyTooLargeError(
                f"the request is at least {own.items} texts, windows of long texts or pictures, and a lane "
                f"takes {self.limits.max_queued}: send fewer or shorter ones at once"
            )
        if (waiting := queue.items + queue.promised) + own.items > self.limits.max_queued:
            said = f"{waiting} items wait; the limit is {self.limits.max_queued}"
            raise self._refusal(own, busy_s, said)
        idle = not (busy_s or queue.items or queue.promised)
        if not self.pace.batches or (deadline_s is None and (idle or self._held_by_size(own, queue))):
            return
        patience_s = self.patience_s(own) if deadline_s is None else deadline_s
        expected_s = busy_s + self.queue_s(own, queue)
        if expected_s > (1 - MARGIN) * patience_s:
            said = f"an answer would take about {expected_s:.3f} s, and may take {patience_s:.3f} s"
            raise self._refusal(own, expected_s, said)

    def queue_s(self, own: Work, queue: Queue) -> float:
        """Seconds of the batches that run before and with these items; see cutting.cut for the order."""
        most = self.limits.max_batch
        items = own.items + queue.items + queue.promised
        size = own.size + queue.size + queue.promised
        batches = self._batches(items, size, most)
        if batches > 1 and larger(own, queue):
            items, size, batches = self._beside_larger(own, queue)
        # The last of those batches will not be left half empty, when it never is of late.
        joining = max(0, min(queue.likely, most) - (items - (batches - 1) * most))
        return self.pace.expect(size + joining * self.pace.item_size, batches=batches)

    def _held_by_size(self, own: Work, queue: Queue) -> bool:
        """Whether a larger request is all that holds this one up: it is in the next batch."""
        return larger(own, queue) and self._beside_larger(own, queue)[2] == 1

    def _beside_larger(self, own: Work, queue: Queue) -> tuple[int, int, int]:
        """Items, size and batches until these items are run: half of each batch is for larger requests."""
        before = [parcel for parcel in queue.parcels if len(parcel) <= own.items]
        items = own.items + queue.promised + sum(map(len, before))
        size = own.size + queue.promised + sum(parcel.left for parcel in before)
        batches = self._batches(items, size, max(1, self.limits.max_batch // 2))
        rest = own.items + queue.promised + queue.items - items
        theirs = min(rest, batches * self.limits.max_batch - items)
        mean = sum(parcel.left for parcel in queue.parcels if len(parcel) > own.items) / rest
        return items + theirs, size + int(mean * theirs), batches

    def patience_s(self, own: Work) -> float:
        """How long a request waits that does not say: `stretch` times what it, or a full batch, takes."""
        batches = self._batches(own.items, own.size, self.limits.max_batch)
        own_s = max(
            self.alone.expect(own.size, batches=batches), BUSY * self.pace.expect(own.size, batches=batches)
        )
        return self.limits.stretch * max(own_s, self._full_s, QUICK_S)

    def note(self, batch: Cut, *, took_s: float, alone_s: float) -> None:
        """Learns from a batch that was run."""
        self.pace.note(batch.padded, took_s, items=len(batch.taken))
        self.alone.note(batch.padded, alone_s, items=len(batch.taken))

    @property
    def _full_s(self) -> float:
        limits = self.limits
        return max(
            self.alone.full_s(limits.max_batch, limits.max_size),
            BUSY * self.pace.full_s(limits.max_batch, limits.max_size),
        )

    def _batches(self, items: int, size: int, share: int) -> int:
        by_size = size / self.limits.max_size if self.limits.max_size else 0
        return math.ceil(max(items / share, by_size))

    def _refusal(self, own: Work, expected_s: float, said: str) -> OverloadedError:
        """Says when to come back: after all that waits here, and all that was turned away before.

        Those turned away are counted as seconds of work that pass as time does. So callers are given
        places one after the other, and do not all come back at once.
        """
        now = self._clock()
        own_s = self._full_s * own.items / self.limits.max_batch
        passed_s, self._counted_at = now - self._counted_at, now
        self._turned_away_s = max(0.0, self._turned_away_s - passed_s) + own_s
        self._turned_away_s = min(self._turned_away_s, MAX_RETRY_S)
        retry_s = min(expected_s + self._turned_away_s, MAX_RETRY_S) if self.pace.batches else UNKNOWN_S
        return OverloadedError(said, retry_after_s=retry_s)


def larger(own: Work, queue: Queue) -> bool:
    """Whether a request with more items waits."""
    return any(len(parcel) > own.items for parcel in queue.parcels)
