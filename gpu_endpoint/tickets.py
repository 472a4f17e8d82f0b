"""A request's items on their way through one or more batches, and where its time went."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpu_endpoint.cutting import Parcel


@dataclass(slots=True)
class Timing:
    """Moments of one request in a lane (time.monotonic), and the largest batch it was part of."""

    queued: float = 0.0
    cut: float = 0.0
    done: float = 0.0
    batch: int = 0

    @property
    def in_lane(self) -> bool:
        """Whether a lane has it, which keeps the time by itself."""
        return bool(self.queued) and not self.done

    @property
    def wait_s(self) -> float:
        """Until the first of its items was taken into a batch."""
        return max(0.0, self.cut - self.queued)

    @property
    def forward_s(self) -> float:
        """From then until the last of its items was run."""
        return max(0.0, self.done - self.cut)


class Ticket(Parcel):
    """A request that waits for the rows of its items."""

    def __init__(
        self,
        items: Sequence[Any],
        sizes: Sequence[int] | None,
        *,
        future: asyncio.Future[Any],
        timing: Timing,
        due: float,
    ) -> None:
        super().__init__(items, sizes)
        self.due = due
        self.future = future
        self.timing = timing
        self._rows: list[Any] = [None] * len(items)
        self._missing = len(items)

    def depart(self, batch: int) -> None:
        """Some of its items are in a batch of so many."""
        if not self.timing.cut:
            self.timing.cut = time.monotonic()
        self.timing.batch = max(self.timing.batch, batch)

    def settle(self, position: int, row: Any) -> None:
        """Takes one row; the last one completes the answer."""
        self._rows[position] = row
        self._missing -= 1
        if not self._missing and not self.future.done():
            self.timing.done = time.monotonic()
            self.future.set_result(gathered(self._rows))

    def fail(self, error: BaseException) -> None:
        """Answers with an error, unless it is answered."""
        if not self.future.done():
            self.future.set_exception(error)


def gathered(rows: list[Any]) -> Any:
    """Arrays on top of each other, anything else as it is."""
    if not isinstance(rows[0], np.ndarray):
        return rows
    return rows[0][np.newaxis] if len(rows) == 1 else np.stack(rows)
