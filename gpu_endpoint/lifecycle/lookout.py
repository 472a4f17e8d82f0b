"""Listens to every request: judges what was swapped in, and mirrors to candidates in shadow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from gpu_endpoint.errors import DeadlineError, EndpointError, OverloadedError
from gpu_endpoint.lifecycle.judgement import Budget, Performance, verdict
from gpu_endpoint.lifecycle.shadow import Shadow
from gpu_endpoint.residents import Lease
from gpu_endpoint.watching import Outcome, Watcher

REFUSED = (OverloadedError, DeadlineError)
JUDGED_EVERY = 25
"""Requests, while nothing fails: a percentile is not needed after each."""


@dataclass(slots=True)
class Probation:
    """One revision being watched."""

    until: float
    before: Performance | None


class Lookout(Watcher):
    """`condemn(model_id, revision, reason)` is called once for a revision that breaks the budget."""

    def __init__(self, budget: Budget, condemn: Callable[[str, str, str], None]) -> None:
        self.budget = budget
        self.shadows: dict[str, Shadow] = {}
        self._condemn = condemn
        self._performances: dict[tuple[str, str], Performance] = {}
        self._watched: dict[tuple[str, str], Probation] = {}

    def watch(self, model_id: str, revision: str, *, instead_of: str | None) -> None:
        """From here on the revision must prove itself against the one before."""
        key = (model_id, revision)
        before = self._performances.get((model_id, instead_of)) if instead_of else None
        self._performances[key] = Performance()
        self._watched[key] = Probation(time.monotonic() + self.budget.watch_s, before)

    def keep(self, held: Iterable[tuple[str, str]]) -> None:
        """What is in memory; of others nothing is known, nor noted when their last requests end."""
        self._performances = {key: self._performances.get(key) or Performance() for key in held}
        self._watched = {key: one for key, one in self._watched.items() if key in self._performances}

    def ended(self, outcome: Outcome) -> None:
        """A request left a model."""
        error = outcome.error
        # What callers did wrong, and callers that went away, say nothing of the model.
        if isinstance(error, asyncio.CancelledError) or (
            isinstance(error, EndpointError) and not isinstance(error, REFUSED)
        ):
            return
        key = (outcome.model_id, outcome.revision)
        seen = self._performances.get(key)
        if seen is None:
            return
        refused = isinstance(error, REFUSED)
        failed = error is not None and not refused
        seen.note(outcome.task, took_s=outcome.took_s, refused=refused, failed=failed)
        if key in self._watched and (error is not None or seen.requests % JUDGED_EVERY == 0):
            self._judge(key)

    def answered(self, lease: Lease, payload: Any, result: Any) -> None:
        """A request was answered by the current revision."""
        shadow = self.shadows.get(lease.model.model_id)
        if shadow is not None and lease.resident is not shadow.candidate:
            shadow.offer(lease.task, payload, result)

    def _judge(self, key: tuple[str, str]) -> None:
        probation = self._watched[key]
        reason = verdict(self._performances[key], probation.before, self.budget)
        if reason:
            del self._watched[key]
            self._condemn(*key, reason)
        elif time.monotonic() > probation.until:
            del self._watched[key]
