"""Whether a revision may stay: its requests since the swap, against those of the revision before. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from gpu_endpoint.models.ports import Task


@dataclass(frozen=True, slots=True)
class Budget:
    """What a revision may cost after it was promoted."""

    watch_s: float = 120.0
    """How long it is watched."""
    failures: int = 3
    """Fewer than this may be anything."""
    failure_share: float = 0.02
    requests: int = 50
    """Of one task, before its latency or its refusals are judged."""
    slower: float = 3.0
    """Times the 95th percentile before the swap, above `slow_s`."""
    slow_s: float = 0.25
    refused_more: float = 0.2
    """By how much the share of requests that were refused or came too late may grow."""


@dataclass(slots=True)
class Record:
    """The last requests of one task on one revision."""

    took_s: deque[float] = field(default_factory=lambda: deque(maxlen=1000))
    answered: int = 0
    refused: int = 0

    @property
    def requests(self) -> int:
        """All that were no failures."""
        return self.answered + self.refused

    @property
    def refused_share(self) -> float:
        """Of all requests, how many were told to come again."""
        return self.refused / self.requests if self.requests else 0.0

    def p95_s(self) -> float:
        """The 95th percentile of what was answered."""
        ordered = sorted(self.took_s)
        return ordered[int(0.95 * (len(ordered) - 1))] if ordered else 0.0

    def note(self, *, took_s: float, refused: bool) -> None:
        """One more request."""
        if refused:
            self.refused += 1
            return
        self.answered += 1
        self.took_s.append(took_s)


@dataclass(slots=True)
class Performance:
    """How one revision has done, by task."""

    records: dict[Task, Record] = field(default_factory=dict)
    failures: int = 0

    @property
    def requests(self) -> int:
        """All of them."""
        return self.failures + sum(record.requests for record in self.records.values())

    def note(self, task: Task, *, took_s: float, failed: bool = False, refused: bool = False) -> None:
        """One more request. `failed` is the model's fault; `refused` is a full queue or a passed deadline."""
        if failed:
            self.failures += 1
        else:
            self.records.setdefault(task, Record()).note(took_s=took_s, refused=refused)


def verdict(now: Performance, before: Performance | None, budget: Budget) -> str:
    """Why the revision must go; empty while it may stay."""
    share = now.failures / now.requests if now.requests else 0.0
    if now.failures >= budget.failures and share > budget.failure_share:
        return f"{now.failures} of {now.requests} requests failed"
    for task, record in now.records.items():
        known = before.records.get(task) if before else None
        if known is None or min(known.requests, record.requests) < budget.requests:
            continue
        p95_s, was_s = record.p95_s(), known.p95_s()
        if p95_s > budget.slow_s and p95_s > budget.slower * was_s:
            return f"{task}: the 95th percentile is {p95_s * 1000:.0f} ms and was {was_s * 1000:.0f} ms"
        if record.refused_share > known.refused_share + budget.refused_more:
            return f"{task}: {record.refused_share:.0%} are refused; it were {known.refused_share:.0%}"
    return ""
