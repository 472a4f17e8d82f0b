"""Who is told of every request that a model answered, or failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gpu_endpoint.models.ports import Task

if TYPE_CHECKING:
    from gpu_endpoint.residents import Lease


class Outcome(NamedTuple):
    """How one request went; `error` is None when it was answered."""

    task: Task
    model_id: str
    revision: str
    took_s: float
    error: BaseException | None


class Watcher:
    """What is told of every request. This one listens to nothing."""

    def ended(self, outcome: Outcome) -> None:
        """A request left the model."""

    def answered(self, lease: Lease, payload: Any, result: Any) -> None:
        """A request was answered with this result."""
