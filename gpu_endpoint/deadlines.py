"""Requests that wait for rows, and when each has waited too long: one timer a lane, not one a request."""

from __future__ import annotations

import asyncio
import time

from gpu_endpoint.errors import DeadlineError
from gpu_endpoint.tickets import Ticket


class Deadlines:
    """Most are answered long before: only when the earliest has passed, all are looked at."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._unanswered: set[Ticket] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0

    def add(self, ticket: Ticket) -> None:
        """From now on it is failed when its time has passed."""
        self._unanswered.add(ticket)
        if self._alarm is None or ticket.due < self._alarm_at:
            self._set(ticket.due)

    def remove(self, ticket: Ticket) -> None:
        """It is answered, or nobody waits for it."""
        self._unanswered.discard(ticket)

    def _set(self, due: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = due
        self._alarm = self._loop.call_later(max(0.0, due - time.monotonic()), self._look)

    def _look(self) -> None:
        self._alarm = None
        now = time.monotonic()
        for ticket in self._unanswered:
            if ticket.due <= now:
                ticket.fail(DeadlineError(f"no answer in {ticket.due - ticket.timing.queued:g} s"))
        left = [ticket.due for ticket in self._unanswered if ticket.due > now]
        if left:
            self._set(min(left))
