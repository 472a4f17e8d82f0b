"""A model in memory with a lane per task; a lease keeps it there while a request is under way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from gpu_endpoint.batching import Batcher
from gpu_endpoint.models.ports import Head, Model, Task
from gpu_endpoint.watching import Outcome, Watcher
from sightline.contracts.inference import ModelHeader


class Resident:
    """One revision of a model: it answers, or waits to."""

    def __init__(self, model: Model, lanes: Mapping[Task, Batcher]) -> None:
        self.model = model
        self.lanes = dict(lanes)
        self.header = ModelHeader(
            model=model.model_id, revision=model.revision, precision=model.precision, dim=model.dim
        )
        self.as_json = self.header.model_dump_json().encode()
        self.leases = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def hold(self) -> None:
        """One more request stands on this model."""
        if not self.leases:
            self._idle.clear()
        self.leases += 1

    def release(self) -> None:
        """One request less."""
        self.leases -= 1
        if not self.leases:
            self._idle.set()

    async def drain(self) -> None:
        """Waits for the requests under way, then closes the lanes; call it when no new ones can come."""
        await self._idle.wait()
        for lane in self.lanes.values():
            await lane.close()


class Lease:
    """`with registry.lease(task, pin) as lease`: the model stays while the block runs, and it is judged."""

    def __init__(self, resident: Resident, task: Task, *, pinned: bool, watcher: Watcher) -> None:
        self.resident = resident
        self.model: Model = resident.model
        self.task: Task = task
        self.pinned = pinned
        """Whether the request wants this revision and no other."""
        self.head: Head = resident.model.tasks[task]
        self.lane: Batcher = resident.lanes[task]
        self.header = resident.header
        """Who answers."""
        self._watcher = watcher
        self._began = 0.0

    def answered(self, payload: Any, result: Any) -> None:
        """What the head finished: a share of it is compared with the model's candidate."""
        self._watcher.answered(self, payload, result)

    def __enter__(self) -> Self:
        self.resident.hold()
        self._began = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.resident.release()
        took_s = time.perf_counter() - self._began
        self._watcher.ended(Outcome(self.task, self.model.model_id, self.model.revision, took_s, error))


@dataclass(frozen=True, slots=True)
class Route:
    """Which revisions of a model get its requests."""

    current: str
    fallback: str | None = None
    """Answers in its place when the current one fails."""
    canary: str | None = None
    share: float = 0.0
    """Of the requests that pin nothing, how many the canary answers."""
