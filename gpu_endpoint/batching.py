"""Dynamic batching across requests: one lane per task of a model, one batch at a time.

An idle lane runs what arrives at once; while a batch runs, what arrives is gathered into the next one. A lane
takes a request only when it is expected to be answered in time; what nobody waits for any longer leaves
without being run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from gpu_endpoint.admission import Gate, Limits, Queue, Work
from gpu_endpoint.cutting import Cut, cut
from gpu_endpoint.errors import DeadlineError, NotReadyError
from gpu_endpoint.running import Failure, Forward, Ran, run_batch
from gpu_endpoint.tickets import Ticket, Timing

__all__ = ["Batcher", "Limits", "Timing", "Vectors"]

AT_ONCE = 8  # answers that one turn of the loop sends
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
        self._waiting: list[Ticket] = []
        self._queued = self._queued_size = 0
        self._joined = self._joined_lately = 0
        self._arrived = 0.0
        self._promised = 0  # items that were admitted and are still being prepared
        self._running: Cut | None = None
        self._began = self._ends = 0.0
        self._expected = 0
        self._gather_until = self._done = 0.0
        self._nudge: asyncio.Handle | None = None
        self._closed = False
        self._drained: asyncio.Future[None] = self._loop.create_future()

    def __len__(self) -> int:
        """Items that wait."""
        return self._queued

    def admit(self, count: int, *, size: int | None = None, deadline: float | None = None) -> None:
        """Raises: OverloadedError, when so many items would not be answered in time; NotReadyError, closed.

        `deadline` is in time.monotonic().
        """
        if self._closed:
            raise NotReadyError
        now = time.monotonic()
        self.gate.admit(
            Work(count, count if size is None else size),
            Queue(
                self._queued,
                self._queued_size,
                self._waiting,
                self._promised,
                self._joined_lately if self._running else 0,
            ),
            busy_s=max(0.0, self._ends - now) if self._running else 0.0,
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
        ticket = Ticket(items, sizes, future=self._loop.create_future(), timing=timing)
        late = self._loop.call_later(patience_s, ticket.fail, DeadlineError(f"no answer in {patience_s:g} s"))
        self._waiting.append(ticket)
        self._queued += len(items)
        self._joined += len(items)
        self._queued_size += ticket.left
        if not self._running:
            self._wake()
        try:
            return await ticket.future
        finally:
            late.cancel()
            if ticket.order:
                self._drop(ticket)

    async def close(self) -> None:
        """Refuses new work, finishes what waits, then stops."""
        self._closed = True
        self._wake()
        await asyncio.shield(self._drained)

    def _drop(self, ticket: Ticket) -> None:
        """What is left of a request that nobody waits for."""
        self._queued -= len(ticket)
        self._queued_size -= ticket.left
        ticket.order.clear()
        self._waiting = [other for other in self._waiting if other is not ticket]

    def _wake(self, after_s: float = 0.0) -> None:
        """Looks for work once what is ready in this turn of the loop has arrived, or a little later."""
        if self._nudge is not None:
            self._nudge.cancel()
        if after_s:
            self._nudge = self._loop.call_later(after_s, self._next)
        else:
            self._nudge = self._loop.call_soon(self._next)

    def _next(self) -> None:
        """Starts a batch, if none runs and there is something to run."""
        self._nudge = None
        if self._running:
            return
        for ticket in [ticket for ticket in self._waiting if ticket.future.done()]:
            self._drop(ticket)
        if self._queued == 0:
            if self._closed and not self._drained.done():
                self._drained.set_result(None)
            return
        if self._queued < self._expected and not self._closed:
            until = min(self._gather_until, max(self._arrived, self._done) + self.limits.wait_s)
            if (left_s := until - time.monotonic()) > 0:
                self._wake(left_s)
                return
        limits, spare = self.limits, self.gate.alone.spare_size
        self._start(cut(self._waiting, max_items=limits.max_batch, max_size=limits.max_size, spare=spare))

    def _start(self, batch: Cut) -> None:
        for ticket in {ticket for ticket, _ in batch.taken}:
            ticket.depart(len(batch.taken))
        self._waiting = [ticket for ticket in self._waiting if ticket.order]
        self._queued -= len(batch.taken)
        self._queued_size -= batch.total
        self._running = batch
        self._began = time.monotonic()
        self._ends = self._began + self.gate.pace.expect(batch.padded)
        running = self.executor.submit(run_batch, self.forward, batch)
        running.add_done_callback(lambda ran: self._loop.call_soon_threadsafe(self._finish, ran.result()))

    def _finish(self, ran: Ran) -> None:
        """Starts the next batch first, so that the model works while the answers are written."""
        batch, self._running = self._running, None
        assert batch is not None  # noqa: S101 - only _start arranges for this call
        now = time.monotonic()
        self.gate.note(batch, took_s=now - self._began, alone_s=ran.took_s)
        self._expected = min(self.limits.max_batch, self._queued + len(batch.taken))
        self._joined_lately, self._joined = self._joined, 0
        self._done = now
        self._gather_until = now + self.limits.wait_share * self.gate.alone.waste_s
        self._next()
        if self._on_batch:
            self._on_batch(len(batch.taken), ran.took_s)
        self._settle(list(zip(batch.taken, ran.rows, strict=True)))

    def _settle(self, settled: list[tuple[tuple[Ticket, int], Any]]) -> None:
        """A few at a time: the loop sends what it has after each turn, and the first need not wait."""
        for (ticket, position), row in settled[:AT_ONCE]:
            if isinstance(row, Failure):
                ticket.fail(row.error)
            else:
                ticket.settle(position, row)
        if len(settled) > AT_ONCE:
            self._loop.call_soon(self._settle, settled[AT_ONCE:])
