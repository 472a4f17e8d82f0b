"""The models this process serves: which revision of which model answers a request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

from gpu_endpoint.batching import Batcher, Limits
from gpu_endpoint.errors import ContentTypeError, ModelMismatchError, NotReadyError
from gpu_endpoint.models.ports import Head, LaneName, Model, Task
from gpu_endpoint.residents import Lease, Outcome, Resident
from gpu_endpoint.settings import EndpointSettings
from sightline.contracts.inference import ModelPin


class Registry:
    """Models by id and revision; one revision of each is current, others answer who pins them."""

    def __init__(self, settings: EndpointSettings) -> None:
        self.settings = settings
        self._residents: dict[str, dict[str, Resident]] = {}
        self._current: dict[str, str] = {}
        self._defaults: dict[Task, str] = {}
        # One thread each: a question never waits behind a sheet, and two batches never fight for the cores.
        self._threads: dict[LaneName, ThreadPoolExecutor] = {
            name: ThreadPoolExecutor(1, name) for name in get_args(LaneName)
        }

    @property
    def ready(self) -> bool:
        """Whether a default model can answer."""
        return bool(self._defaults)

    def serve(self, models: Sequence[Model]) -> None:
        """Opens the lanes of tried models and makes them current; call it inside the event loop."""
        for model in models:
            self.install(model)
            self._current[model.model_id] = model.revision
        for task in get_args(Task):
            able = [model.model_id for model in models if task in model.tasks]
            if able:
                wanted = self.settings.image_model
                self._defaults[task] = wanted if wanted in able else able[0]

    def install(self, model: Model) -> Resident:
        """A tried model beside the others: it answers who pins its revision."""
        lanes = {task: self._open(head) for task, head in model.tasks.items()}
        resident = Resident(model, lanes)
        self._residents.setdefault(model.model_id, {})[model.revision] = resident
        return resident

    def residents(self) -> Iterable[Resident]:
        """Every model in memory."""
        return [one for revisions in self._residents.values() for one in revisions.values()]

    def lease(self, task: Task, pin: ModelPin) -> Lease:
        """Who answers this request. Raises: NotReadyError, ModelMismatchError, ContentTypeError."""
        if not self.ready:
            raise NotReadyError
        resident = self._find(task, pin)
        if task not in resident.model.tasks:
            if task == "embed_image":
                raise ContentTypeError(f"{resident.model.model_id} takes no images")
            raise ModelMismatchError(f"{resident.model.model_id} does not do {task}")
        return Lease(resident, task, self.report)

    def _find(self, task: Task, pin: ModelPin) -> Resident:
        name = pin.model or self._defaults.get(task)
        if name is None:
            raise ModelMismatchError(f"no model here does {task}")
        if name not in self._current:
            raise ModelMismatchError(f"{name} is not served here; {', '.join(self._current)} are")
        current = self._current[name]
        resident = self._residents[name].get(pin.revision or current)
        if resident is None:
            raise ModelMismatchError(f"{name} is served at revision {current}, not {pin.revision}")
        return resident

    def report(self, outcome: Outcome) -> None:
        """Takes note of how a request went."""

    async def close(self) -> None:
        """Finishes what waits and frees the threads."""
        residents, self._residents, self._defaults = self.residents(), {}, {}
        for resident in residents:
            await resident.drain()
        for executor in self._threads.values():
            executor.shutdown()

    def _open(self, head: Head) -> Batcher:
        settings = self.settings
        limits = Limits(
            max_batch=settings.endpoint_max_batch,
            wait_s=settings.endpoint_wait_s,
            max_queued=settings.endpoint_max_queued,
            deadline_s=settings.endpoint_deadline_s,
        )
        return Batcher(head.forward, executor=self._threads[head.lane], limits=limits)
