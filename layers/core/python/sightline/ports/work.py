"""Work for later: events, queues and runs of state machines."""

from collections.abc import Mapping
from typing import Any, Protocol


class Events(Protocol):
    """Tells the rest of the platform what happened."""

    def publish(self, name: str, detail: Mapping[str, Any]) -> None: ...


class Queue(Protocol):
    """Work for later, delivered at least once."""

    def send(self, message: Mapping[str, Any]) -> None: ...


class TrainingQueue(Queue, Protocol):
    """Concepts to train."""


class ApplicationQueue(Queue, Protocol):
    """Concepts to apply to what is indexed."""


class DeliveryQueue(Queue, Protocol):
    """Deliveries of monitoring tools, to be read."""


class RunbookQueue(Queue, Protocol):
    """Files to be read into runbooks."""


class QuestionQueue(Queue, Protocol):
    """Questions to be answered from runbooks."""


class SummaryQueue(Queue, Protocol):
    """Incidents to be summarised."""


class ActionQueue(Queue, Protocol):
    """Work on all results of a search."""


class DelayedQueue(Protocol):
    """Work for later, delivered at least once and not before so many seconds (900 at most)."""

    def send(self, message: Mapping[str, Any], *, delay_s: int = 0) -> None: ...


class NoticeQueue(DelayedQueue, Protocol):
    """Messages about incidents, to be sent."""


class Pause(Protocol):
    """Waits, where a request is there to wait."""

    def __call__(self, seconds: float, /) -> None: ...


class Pipeline(Protocol):
    """Runs of a state machine."""

    def start(self, name: str, payload: Mapping[str, Any]) -> bool:
        """False when a run of this name was started before."""
        ...

    def status(self, name: str) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; None when there is no such run."""
        ...


class ImportRuns(Pipeline, Protocol):
    """Runs of the state machine that imports."""


class ExportRuns(Pipeline, Protocol):
    """Runs of the state machine that writes exports."""
