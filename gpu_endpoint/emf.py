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

    def request(self, outcome: str, seconds: dict[str, float]) -> None:
        """One request: how it ended, and its seconds by name."""
        self.counts[outcome] += 1
        if (place := self._place("request")) is not None:
            for name, value in seconds.items():
                self._keep(name, place, value * 1000)

    def count(self, name: str) -> None:
        """One more of anything else."""
        self.counts[name] += 1

    def add(self, name: str, value: float) -> None:
        """Any other value."""
        if (place := self._place(name)) is not None:
            self._keep(name, place, value)

    def _place(self, name: str) -> int | None:
        """Any of those seen is kept with equal chance, SAMPLES of them. Source: Vitter's algorithm R."""
        seen = self._seen[name]
        self._seen[name] += 1
        place = seen if seen < SAMPLES else int(random.random() * (seen + 1))  # noqa: S311 - no secret
        return place if place < SAMPLES else None

    def _keep(self, name: str, place: int, value: float) -> None:
        kept = self.values[name]
        if place < len(kept):
            kept[place] = value
        else:
            kept.append(value)

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
