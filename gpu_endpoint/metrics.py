"""What the endpoint counts: per task and model, requests by status, time per stage, batches and queues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gpu_endpoint.emf import Intervals
from gpu_endpoint.visits import Visit

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
ITEMS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
OF = ("task", "model")

Depths = Callable[[], Iterable[tuple[str, str, int]]]


class Queues(Collector):
    """Asks the lanes when somebody asks us."""

    def __init__(self, depths: Depths) -> None:
        self._depths = depths

    def collect(self) -> Iterator[Metric]:
        """Items that wait; several revisions of a model count together."""
        totals: dict[tuple[str, str], int] = defaultdict(int)
        for task, model, items in self._depths():
            totals[task, model] += items
        family = GaugeMetricFamily("sightline_queue_items", "Items that wait for a batch.", labels=OF)
        for labels, items in totals.items():
            family.add_metric(labels, items)
        yield family


class Series(NamedTuple):
    """What one kind of answer counts in."""

    requests: Counter
    seconds: Histogram
    stages: list[tuple[str, Callable[[float], None]]]


class Metrics:
    """Fed by requests and by lanes; read by Prometheus, and by CloudWatch through the log."""

    def __init__(self, depths: Depths) -> None:
        registry = self._registry = CollectorRegistry()
        registry.register(Queues(depths))
        self._depths = depths
        self._intervals = Intervals()
        self._uncounted: list[tuple[Visit, int, float]] = []
        self._unseen: list[tuple[str, str, int, float]] = []
        self._requests = Counter("sightline_requests", "Requests.", (*OF, "status"), registry=registry)
        self._seconds = self._histogram("sightline_request_seconds", "Whole requests.", OF, SECONDS)
        self._stages = self._histogram(
            "sightline_stage_seconds", "Parts of answered requests.", (*OF, "stage"), SECONDS
        )
        self._items = self._histogram("sightline_batch_items", "Items in a batch.", OF, ITEMS)
        self._forward = self._histogram("sightline_batch_seconds", "Batches.", OF, SECONDS)

    def answered(self, visit: Visit, status: int, took_s: float) -> bool:
        """One request, to be counted when `count` is called; whether it is the first since then."""
        self._uncounted.append((visit, status, took_s))
        return len(self._uncounted) == 1

    def count(self) -> None:
        """All that was put off."""
        unseen, self._unseen = self._unseen, []
        for task, model, items, took_s in unseen:
            self._count_batch(task, model, items, took_s)
        uncounted, self._uncounted = self._uncounted, []
        for visit, status, took_s in uncounted:
            self._count(visit, status, took_s)

    def _count(self, visit: Visit, status: int, took_s: float) -> None:
        """Only the answered ones have stages."""
        series = self._series(visit.task, visit.model, status)
        series.requests.inc()
        series.seconds.observe(took_s)
        values = {"Latency": took_s}
        if status == 200:
            for (name, observe), stage_s in zip(series.stages, visit.stages_s.values(), strict=True):
                observe(stage_s)
                values[name] = stage_s
        self._intervals.of(visit.task, visit.model).request(outcome(status), values)

    @cache  # noqa: B019 - lives as long as the process, and labels are few: models that are served, statuses
    def _series(self, task: str, model: str, status: int) -> Series:
        """Looking a label up costs more than counting."""
        return Series(
            self._requests.labels(task, model, str(status)),
            self._seconds.labels(task, model),
            [
                (stage.capitalize(), self._stages.labels(task, model, stage).observe)
                for stage in ("decode", "wait", "forward")
            ]
            if status == 200
            else [],
        )

    @cache  # noqa: B019 - as above
    def _batches(self, task: str, model: str) -> tuple[Callable[[float], None], Callable[[float], None]]:
        """Of one lane."""
        return self._items.labels(task, model).observe, self._forward.labels(task, model).observe

    def ran(self, task: str, model: str, items: int, took_s: float) -> None:
        """One batch, to be counted with the requests that it answered."""
        self._unseen.append((task, model, items, took_s))

    def _count_batch(self, task: str, model: str, items: int, took_s: float) -> None:
        count_items, count_seconds = self._batches(task, model)
        count_items(items)
        count_seconds(took_s)
        self._intervals.of(task, model).add("BatchSize", items)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        self.count()
        return generate_latest(self._registry)

    def emf_lines(self) -> list[dict[str, object]]:
        """One object per task and model since the last call, in CloudWatch's embedded metric format."""
        self.count()
        for task, model, items in self._depths():
            self._intervals.of(task, model).add("QueueDepth", items)
        return self._intervals.taken()

    def _histogram(self, name: str, says: str, labels: Sequence[str], buckets: Sequence[float]) -> Histogram:
        return Histogram(name, says, labels, buckets=buckets, registry=self._registry)


def outcome(status: int) -> str:
    """How CloudWatch counts an answer."""
    if status == 200:
        return "Answered"
    if status in (429, 503):
        return "TurnedAway"
    return "Refused" if status < 500 else "Failed"
