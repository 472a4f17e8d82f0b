"""Shadow traffic: a share of the requests also runs on the candidate, whose answers nobody gets."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from gpu_endpoint.lifecycle.goldens import agreement
from gpu_endpoint.models.ports import Task
from gpu_endpoint.residents import Resident

log = logging.getLogger("gpu_endpoint")


@dataclass(slots=True)
class Tally:
    """What was seen: agreement is that of texts or tiles, not of requests."""

    requests: int = 0
    skipped: int = 0
    failed: int = 0
    compared: int = 0
    agreed: float = 0.0
    least: float = 1.0

    def figures(self) -> dict[str, float]:
        """For the report."""
        mean = self.agreed / self.compared if self.compared else 0.0
        return {
            "requests": self.requests,
            "skipped": self.skipped,
            "failed": self.failed,
            "compared": self.compared,
            "agreement": round(mean, 5),
            "least_agreement": round(self.least, 5) if self.compared else 0.0,
        }


class Shadow:
    """Mirrors requests to one candidate: one at a time, so that it costs live traffic little."""

    def __init__(self, candidate: Resident, share: float) -> None:
        self.candidate = candidate
        self.share = share
        self.tally = Tally()
        self._offered = 0
        self._task: asyncio.Task[None] | None = None

    def offer(self, task: Task, payload: Any, result: Any) -> None:
        """A request that was answered; perhaps it is asked again."""
        self._offered += 1
        if int(self._offered * self.share) == int((self._offered - 1) * self.share):
            return
        if task not in self.candidate.model.tasks or (self._task and not self._task.done()):
            self.tally.skipped += 1
            return
        self._task = asyncio.create_task(self._ask(task, payload, result))

    async def close(self) -> None:
        """Waits for the request under way."""
        if self._task:
            await self._task

    async def _ask(self, task: Task, payload: Any, result: Any) -> None:
        head, tally = self.candidate.model.tasks[task], self.tally
        tally.requests += 1
        self.candidate.hold()
        try:
            items = await asyncio.to_thread(head.prepare, payload)
            rows = await self.candidate.lanes[task].submit(items)
            rows = agreement(head.finish(payload, items, rows), result, vectors=head.vectors)
        except Exception:
            tally.failed += 1
            log.warning("a shadow request failed", exc_info=True)
        else:
            tally.compared += len(rows)
            tally.agreed += float(rows.sum())
            tally.least = min(tally.least, float(rows.min()))
        finally:
            self.candidate.release()
