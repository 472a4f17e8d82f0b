"""Dynamic batching across requests: one lane per task of a model, one batch at a time.

An idle lane runs what arrives at once; while a batch runs, what arrives is gathered into the next one. Once
that cannot grow any more it is handed over, just before the running one ends. A lane takes a request only if
it is expected to be answered in time; what nobody waits for any longer leaves without being run.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from gpu_endpoint.admission import Gate, Limits, Queue, Work
from gpu_endpoint.cutting import Cut
from gpu_endpoint.deadlines import Deadlines
from gpu_endpoint.errors import NotReadyError
from gpu_endpoint.running import Forward, Ran, run_batch
from gpu_endpoint.tickets import Ticket, Timing
from gpu_endpoint.waiting import Waiting, hand_out

__all__ = ["Batcher", "Limits", "Timing", "Vectors"]

AHEAD_S = 0.002  # what it may take to hear of a batch's end and to hand over the next; the model would idle
Vectors = npt.NDArray[np.float32]


class Batcher:
    """Runs `forward` on `executor`, in batches cut from a bounded queue. Lives in one event loop."""

    def __init__(
        self,
        forward: Forward,
        *,
        executor: Executor,
        limits: Limits,
        size: Callable[[Any], int] | None = None,
        on_batch: Callable[[int, float], None] | None = None,
    ) -> None:
        self.forward = forward
        self.executor = executor
        self.limits = limits
        self.gate = Gate(limits)
        self._size = size
        self._on_batch = on_batch
        self._loop = asyncio.get_running_loop()
        self._waiting = Waiting()
        self._joined = self._joined_lately = 0
        self._arrived = 0.0
        self._promised = 0  # items that were admitted and are still being prepared
        self._begun: deque[Cut] = deque()  # the batch that runs, and perhaps the one after it
        self._began = self._ends = 0.0
        self._expected = 0
        self._gather_until = self._done = 0.0
        self._gathering = False
        self._nudge: asyncio.Handle | None = None
        self._deadlines = Deadlines(self._loop)
        self._closed = False
        self._drained: asyncio.Future[None] = self._loop.create_future()

    def __len__(self) -> int:
        """Items that wait."""
        return self._waiting.items

    @property
    def stuck(self) -> bool:
        """Whether a batch has been running for longer than anybody waits for an answer."""
        return bool(self._begun) and time.monotonic() - self._began > self.limits.deadline_s

    def admit(self, count: int, *, size: int | None = None, deadline: float | None = None) -> None:
        """Raises: OverloadedError, when so many would not be answered in time; BodyTooLargeError, when they
        never would be; DeadlineError; NotReadyError.

        `deadline` is in time.monotonic().
        """
        if self._closed:
            raise NotReadyError
        now = time.monotonic()
        self.gate.admit(
            Work(count, count if size is None else size),
            Queue(
                self._waiting.items,
                self._waiting.size,
                self._waiting.tickets,
                self._promised,
                self._joined_lately if self._begun else 0,
            ),
            busy_s=max(0.0, self._ends - now) if self._begun else 0.0,
            deadline_s=None if deadline is None else deadline - now,
        )

    @contextmanager
    def room(self, count: int, *, deadline: float | None = None) -> Iterator[None]:
        """Keeps a place for items that are still to be prepared. Raises: as `admit`."""
        self.admit(count, deadline=deadline)
        self._promised += count
        try:
            yield
        finally:
            self._promised -= count

    async def submit(
        self,
        items: Sequence[Any],
        *,
        deadline: float | None = None,
        admitted: bool = False,
        timing: Timing | None = None,
    ) -> Any:
        """One row per item, in order; arrays are stacked.

        Raises: OverloadedError, DeadlineError, NotReadyError; what the model raises.

        Cancelling the call takes its items out of the queue.
        """
        if not items:
            return []
        sizes = list(map(self._size, items)) if self._size else None
        if not admitted:
            self.admit(len(items), size=sum(sizes) if sizes else None, deadline=deadline)
        timing = timing or Timing()
        timing.queued = self._arrived = now = time.monotonic()
        patience_s = self.limits.deadline_s
        if deadline is not None:
            patience_s = min(patience_s, max(0.0, deadline - now))
        ticket = Ticket(items, sizes, future=self._loop.create_future(), timing=timing, due=now + patience_s)
        self._deadlines.add(ticket)
        self._waiting.add(ticket)
        self._joined += len(items)
        self._came()
        try:
            return await ticket.future
        finally:
            self._deadlines.remove(ticket)
            if ticket.order:
                self._waiting.drop(ticket)

    async def close(self) -> None:
        """Refuses new work, finishes what waits, then stops."""
        self._closed = True
        self._wake()
        await asyncio.shield(self._drained)

    def _came(self) -> None:
        """Looks for work, unless that is arranged for or a batch runs and the next one may still grow."""
        full = self._waiting.items >= self.limits.max_batch
        if full and not self._begun:
            self._next()  # nothing that is still to come in this turn could join
        elif self._nudge is None:
            if not self._begun or (full and len(self._begun) == 1):
                self._wake()
        elif self._gathering and self._waiting.items >= self._expected:
            self._wake()

    def _wake(self, after_s: float = 0.0) -> None:
        """Looks for work once what is ready in this turn of the loop has arrived, or a little later."""
        if self._nudge is not None:
            self._nudge.cancel()
        if after_s:
            self._nudge = self._loop.call_later(after_s, self._next)
        else:
            self._nudge = self._loop.call_soon(self._next)

    def _next(self) -> None:
        """Starts a batch, if there is something to run and its time has come."""
        if self._nudge is not None:
            self._nudge.cancel()
        self._nudge, self._gathering = None, False
        if len(self._begun) > 1:
            return
        self._waiting.drop_answered()
        if self._waiting.items == 0:
            if self._closed and not self._begun and not self._drained.done():
                self._drained.set_result(None)
        elif (wait_s := self._ahead_s() if self._begun else self._gather_s()) is None:
            return
        elif wait_s > 0:
            self._wake(wait_s)
        else:
            self._start(self._waiting.cut(self.limits, spare=self.gate.alone.spare_size))

    def _ahead_s(self) -> float | None:
        """Until a full batch is handed over although one still runs; None while it is not full."""
        if self._waiting.items < self.limits.max_batch:
            return None
        return self._ends - AHEAD_S - time.monotonic()

    def _gather_s(self) -> float:
        """How long an idle lane waits for as many items as came last time."""
        if self._waiting.items >= self._expected or self._closed:
            return 0.0
        until = min(self._gather_until, max(self._arrived, self._done) + self.limits.wait_s)
        self._gathering = True
        return until - time.monotonic()

    def _start(self, batch: Cut) -> None:
        now = time.monotonic()
        if not self._begun:
            self._began = self._ends = now
        self._begun.append(batch)
        self._ends = max(self._ends, now) + self.gate.pace.expect(batch.padded)
        self.executor.submit(self._run, batch)

    def _run(self, batch: Cut) -> None:
        """On the lane's thread."""
        self._loop.call_soon_threadsafe(self._finish, run_batch(self.forward, batch))

    def _finish(self, ran: Ran) -> None:
        """Starts the next batch first, so that the model works while the answers are written."""
        batch = self._begun.popleft()
        now = time.monotonic()
        self.gate.note(batch, took_s=now - self._began, alone_s=ran.took_s)
        self._began = now
        if self._begun:  # handed over when this one was expected to end, and begun now
            self._ends = now + self.gate.pace.expect(self._begun[0].padded)
        self._expected = min(self.limits.max_batch, self._waiting.items + len(batch.taken))
        self._joined_lately, self._joined = self._joined, 0
        self._done = now
        self._gather_until = now + self.limits.wait_share * self.gate.alone.waste_s
        self._next()
        hand_out(batch, ran)
        if self._on_batch:
            self._on_batch(len(batch.taken), ran.took_s)
