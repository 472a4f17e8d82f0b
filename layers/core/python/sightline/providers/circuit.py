"""A circuit breaker: stops asking what does not answer, and asks once again, later. Pure: told the time.

Source: M. Nygard, Release It!, 2nd edition, "Circuit Breaker".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from threading import Lock


@dataclass(frozen=True, slots=True)
class Limits:
    """When it opens, and for how long."""

    failures: int = 5
    """In a row, before it opens."""
    silences: int = 2
    """Of these, how many without a word: whoever is well says in time that it is late."""
    open_s: float = 2.0
    """The first time; twice as long after each probe that fails."""
    longest_s: float = 10.0
    """Short beside the pauses of queues and state machines: what is back is noticed at their next try."""
    probe_s: float = 70.0
    """A probe that has not come back by then is taken for lost: longer than any call's time-out."""


@dataclass(slots=True)
class Circuit:
    """Closed: calls pass. Open: none does. Half-open: one does, and what becomes of it decides."""

    limits: Limits = field(default_factory=Limits)
    failures: int = 0
    silences: int = 0
    opened: int = 0
    """How often it opened in a row; 0 while it is closed."""
    closed_until: float = 0.0
    """While open: when the next call may pass."""
    opened_at: float = -math.inf
    """The last time."""
    _lock: Lock = field(default_factory=Lock)

    def wait_s(self, now: float) -> float:
        """0: call now, and say how it went. Otherwise in how many seconds to ask again."""
        with self._lock:
            if not self.opened:
                return 0.0
            if now < self.closed_until:
                return self.closed_until - now
            self.closed_until = now + self.limits.probe_s  # half-open: the others wait for this one
            return 0.0

    def succeeded(self) -> None:
        """Closes it."""
        with self._lock:
            self.failures = self.silences = self.opened = 0

    def failed(self, now: float, *, began: float, silent: bool = False) -> None:
        """Opens it after enough failures in a row, sooner after silence, and at once after a failed probe.

        A call that began before it opened is no probe, and tells of what it opened for.
        """
        with self._lock:
            if began <= self.opened_at:
                return
            self.failures += 1
            self.silences += silent
            enough = self.failures >= self.limits.failures or self.silences >= self.limits.silences
            if self.opened or enough:
                pause_s = min(self.limits.open_s * 2.0**self.opened, self.limits.longest_s)
                self.opened, self.opened_at = self.opened + 1, now
                self.closed_until = now + pause_s
