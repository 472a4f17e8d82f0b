"""Dynamic batching across requests: one lane per task of a model, one batch at a time.

An idle lane runs what arrives at once; while a batch runs, what arrives is gathered into the next one. A lane
holds at most `max_queued` items and refuses more; what nobody waits for any longer leaves without being run.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gpu_endpoint.errors import DeadlineError, NotReadyError, OverloadedError

Vectors = npt.NDArray[np.float32]
Forward = Callable[[Sequence[Any]], Vectors]


@dataclass(frozen=True, slots=True)
class Limits:
    """How a lane batches. `wait_s` is spent only while items follow a batch without a pause."""

    max_batch: int = 32
    wait_s: float = 0.0
    max_queued: int = 1024
    deadline_s: float = 55.0  # InvokeEndpoint gives up after 60


@dataclass(slots=True, eq=False)
class Ticket:
    """The items of one request, on their way through one or more batches."""

    items: Sequence[Any]
    future: asyncio.Future[Vectors]
    deadline: float
    arrived: float
    rows: list[Vectors | None] = field(default_factory=list)
    missing: int = 0

    def settle(self, position: int, row: Vectors) -> None:
        """Takes one row; the last one completes the answer."""
        self.rows[position] = row
        self.missing -= 1
        if not self.missing and not self.future.done():
            self.future.set_result(np.stack([row for row in self.rows if row is not None]))


class Batcher:
    """Runs `forward` on `executor`, in batches cut from a bounded queue."""

    def __init__(self, forward: Forward, *, executor: Executor, limits: Limits) -> None:
        self.forward = forward
        self.executor = executor
        self.limits = limits
        self.batches = 0
        self._queue: deque[tuple[Ticket, int]] = deque()
        self._arrival = asyncio.Event()
        self._closed = False
        self._task = asyncio.create_task(self._run())

    def __len__(self) -> int:
        """Items that wait."""
        return len(self._queue)

    def admit(self, count: int) -> None:
        """Raises: OverloadedError, when `count` more items would not fit; NotReadyError, once closed."""
        if self._closed:
            raise NotReadyError
        if len(self._queue) + count > self.limits.max_queued:
            raise OverloadedError(f"{len(self._queue)} items wait; the limit is {self.limits.max_queued}")

    async def submit(self, items: Sequence[Any]) -> Vectors:
        """Shapes: n items -> (n, dim), in order. Raises: OverloadedError, DeadlineError, NotReadyError.

        Cancelling the call takes its items out of the queue.
        """
        self.admit(len(items))
        now = time.monotonic()
        future: asyncio.Future[Vectors] = asyncio.get_running_loop().create_future()
        ticket = Ticket(items, future, now + self.limits.deadline_s, now, [None] * len(items), len(items))
        self._queue.extend((ticket, position) for position in range(len(items)))
        self._arrival.set()
        try:
            return await future
        finally:
            if ticket.missing:
                self._queue = deque(entry for entry in self._queue if entry[0] is not ticket)

    async def close(self) -> None:
        """Refuses new work, finishes what waits, then stops."""
        self._closed = True
        self._arrival.set()
        await self._task

    async def _run(self) -> None:
        busy = False
        while True:
            if not self._queue:
                if self._closed:
                    return
                busy = False
                self._arrival.clear()
                await self._arrival.wait()
                continue
            if busy and self.limits.wait_s:
                await self._fill()
            batch = self._take()
            if batch:
                await self._answer(batch)
                busy = True

    async def _fill(self) -> None:
        """Waits for a full batch, but never longer than `wait_s` after the oldest item arrived."""
        while len(self._queue) and len(self._queue) < self.limits.max_batch:
            left = self._queue[0][0].arrived + self.limits.wait_s - time.monotonic()
            if left <= 0:
                return
            self._arrival.clear()
            try:
                await asyncio.wait_for(self._arrival.wait(), left)
            except TimeoutError:
                return

    def _take(self) -> list[tuple[Ticket, int]]:
        """The next batch, without what has been given up or came too late."""
        batch: list[tuple[Ticket, int]] = []
        now = time.monotonic()
        while self._queue and len(batch) < self.limits.max_batch:
            ticket, position = self._queue.popleft()
            if ticket.future.done():
                continue
            if ticket.deadline < now:
                ticket.future.set_exception(DeadlineError(f"after {self.limits.deadline_s:g} s in the queue"))
                continue
            batch.append((ticket, position))
        return batch

    async def _answer(self, batch: list[tuple[Ticket, int]]) -> None:
        """Runs one batch and hands each row to its request; a failure goes to all that took part."""
        items = [ticket.items[position] for ticket, position in batch]
        try:
            rows = await asyncio.get_running_loop().run_in_executor(self.executor, self.forward, items)
        except Exception as error:  # noqa: BLE001 - whatever a model raises belongs to its callers
            for ticket, _ in batch:
                if not ticket.future.done():
                    ticket.future.set_exception(error)
            return
        self.batches += 1
        for (ticket, position), row in zip(batch, rows, strict=True):
            ticket.settle(position, row)
