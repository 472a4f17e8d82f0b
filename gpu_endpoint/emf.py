"""Metrics for CloudWatch: one line of the log per task and model, in the embedded metric format.

The same members as Powertools writes: `_aws`, a namespace, the dimension `service`, numbers or lists of them.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from typing import Any

NAMESPACE = "Sightline"
SERVICE = "inference"
SAMPLES = 100  # values one metric of a line may have
UNITS = {"BatchSize": "Count", "QueueDepth": "Count"}  # all other lists are milliseconds


class Interval:
    """What one task of one model did."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = defaultdict(int)
        self.values: dict[str, list[float]] = defaultdict(list)
        self._seen: dict[str, int] = defaultdict(int)

    def count(self, name: str) -> None:
        """One more."""
        self.counts[name] += 1

    def add(self, name: str, value: float) -> None:
        """Keeps at most SAMPLES values, any of those seen with equal chance. Source: Vitter's algorithm R."""
        self._seen[name] += 1
        kept = self.values[name]
        if len(kept) < SAMPLES:
            kept.append(value)
        elif (place := random.randrange(self._seen[name])) < SAMPLES:  # noqa: S311 - no secret hangs on it
            kept[place] = value

    def line(self, dimensions: dict[str, str]) -> dict[str, Any]:
        """The object to be logged."""
        units = dict.fromkeys(self.counts, "Count")
        units |= {name: UNITS.get(name, "Milliseconds") for name in self.values}
        about = {
            "Namespace": NAMESPACE,
            "Dimensions": [list(dimensions)],
            "Metrics": [{"Name": name, "Unit": unit} for name, unit in units.items()],
        }
        head = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [about]}
        values = {name: [round(value, 3) for value in kept] for name, kept in self.values.items()}
        return {"_aws": head, **dimensions, **self.counts, **values}


class Intervals:
    """One per task and model, from one report to the next."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], Interval] = defaultdict(Interval)

    def of(self, task: str, model: str) -> Interval:
        """Its running interval."""
        return self._open[task, model]

    def taken(self) -> list[dict[str, Any]]:
        """The lines so far; from here on all is counted anew."""
        finished, self._open = self._open, defaultdict(Interval)
        return [
            interval.line({"service": SERVICE, "task": task or "none", "model": model or "none"})
            for (task, model), interval in finished.items()
        ]
