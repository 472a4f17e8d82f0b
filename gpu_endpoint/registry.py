"""The models this process serves: which revision of which model answers a request."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar, get_args

from gpu_endpoint.batching import Batcher, Limits
from gpu_endpoint.errors import ContentTypeError, EndpointError, ModelMismatchError, NotReadyError
from gpu_endpoint.metrics import Metrics
from gpu_endpoint.models.ports import Head, LaneName, Model, Task
from gpu_endpoint.residents import Lease, Resident, Route
from gpu_endpoint.settings import EndpointSettings
from gpu_endpoint.watching import Watcher
from sightline.contracts.inference import ModelPin

log = logging.getLogger("gpu_endpoint")
Result = TypeVar("Result")


class Registry:
    """Models by id and revision; a route says which revision answers, the others answer who pins them."""

    def __init__(self, settings: EndpointSettings) -> None:
        self.settings = settings
        self.watcher = Watcher()
        self.metrics = Metrics(self.depths)
        self._residents: dict[str, dict[str, Resident]] = {}
        self._routes: dict[str, Route] = {}
        self._defaults: dict[Task, str] = {}
        self._asked: dict[str, int] = {}
        # One thread each: a question never waits behind a sheet, and two batches never fight for the cores.
        self._threads: dict[LaneName, ThreadPoolExecutor] = {
            name: ThreadPoolExecutor(1, name) for name in get_args(LaneName)
        }

    @property
    def ready(self) -> bool:
        """Whether a default model can answer."""
        return bool(self._defaults)

    @property
    def well(self) -> bool:
        """Whether it is ready, and none of the models that answer hangs in a batch."""
        current = (self.resident(name, route.current) for name, route in self._routes.items())
        return self.ready and not any(lane.stuck for one in current if one for lane in one.lanes.values())

    @property
    def routes(self) -> Mapping[str, Route]:
        """Model id -> who answers for it."""
        return self._routes

    @property
    def defaults(self) -> Mapping[Task, str]:
        """Task -> the model that answers when a request names none."""
        return self._defaults

    def serve(self, models: Sequence[Model]) -> None:
        """Opens the lanes of tried models and routes to them; call it inside the event loop."""
        for model in models:
            self.install(model)
        defaults: dict[Task, str] = {}
        for task in get_args(Task):
            able = [model.model_id for model in models if task in model.tasks]
            if able:
                wanted = self.settings.image_model
                defaults[task] = wanted if wanted in able else able[0]
        self.route({model.model_id: Route(model.revision) for model in models}, defaults)

    def install(self, model: Model) -> Resident:
        """A tried model beside the others: it answers who pins its revision."""
        lanes = {task: self._open(model, head) for task, head in model.tasks.items()}
        resident = Resident(model, lanes)
        self._residents.setdefault(model.model_id, {})[model.revision] = resident
        return resident

    def route(self, routes: Mapping[str, Route], defaults: Mapping[Task, str]) -> None:
        """Swaps: from here on requests go by these. One step: no request sees a part of it."""
        self._routes, self._defaults = dict(routes), dict(defaults)

    def resident(self, model_id: str, revision: str) -> Resident | None:
        """A model in memory."""
        return self._residents.get(model_id, {}).get(revision)

    def residents(self) -> list[Resident]:
        """Every model in memory."""
        return [one for revisions in self._residents.values() for one in revisions.values()]

    async def evict(self, model_id: str, revision: str) -> None:
        """Takes no more requests for this revision, finishes those it has, and lets its memory go."""
        resident = self._residents.get(model_id, {}).pop(revision, None)
        if resident is not None:
            await resident.drain()
            del resident
            await asyncio.to_thread(free_memory)

    async def answering(
        self, task: Task, pin: ModelPin, work: Callable[[Lease], Awaitable[Result]]
    ) -> Result:
        """One request's work; done again on the model's other revision when the first one fails.

        Raises: EndpointError, of the caller's making; what the model raised, when nobody else can answer.
        """
        lease = self.lease(task, pin)
        try:
            with lease:
                return await work(lease)
        except EndpointError:
            raise
        except Exception as error:
            spare = self._spare(lease)
            if spare is None:
                raise
            log.warning("a model failed; another revision answers", extra={"fields": failure(lease, error)})
        with spare:
            return await work(spare)

    def lease(self, task: Task, pin: ModelPin) -> Lease:
        """Who answers this request. Raises: NotReadyError, ModelMismatchError, ContentTypeError."""
        if not self.ready:
            raise NotReadyError("the models are still being loaded")
        resident = self._find(task, pin)
        if task not in resident.model.tasks:
            if task == "embed_image":
                raise ContentTypeError(f"{resident.model.model_id} takes no images")
            raise ModelMismatchError(f"{resident.model.model_id} does not do {task}")
        return Lease(resident, task, pinned=pin.revision is not None, watcher=self.watcher)

    def _find(self, task: Task, pin: ModelPin) -> Resident:
        name = pin.model or self._defaults.get(task)
        if name is None:
            raise ModelMismatchError(f"no model here does {task}")
        if name not in self._routes:
            raise ModelMismatchError(f"{name} is not served here; {', '.join(self._routes)} are")
        resident = self._residents[name].get(pin.revision or self._turn(name))
        if resident is None:
            current = self._routes[name].current
            raise ModelMismatchError(f"{name} is served at revision {current}, not {pin.revision}")
        return resident

    def _turn(self, name: str) -> str:
        """The canary's when its share of the requests so far is not yet full, else the current revision."""
        route = self._routes[name]
        if route.canary is None:
            return route.current
        asked = self._asked[name] = self._asked.get(name, 0) + 1
        return route.canary if int(asked * route.share) > int((asked - 1) * route.share) else route.current

    def _spare(self, lease: Lease) -> Lease | None:
        """Another revision that may answer in place of one that failed."""
        name, route = lease.model.model_id, self._routes.get(lease.model.model_id)
        if route is None or lease.pinned:
            return None
        others = [revision for revision in (route.current, route.fallback) if revision]
        for revision in others:
            resident = self.resident(name, revision)
            if resident and resident is not lease.resident and lease.task in resident.model.tasks:
                return Lease(resident, lease.task, pinned=False, watcher=self.watcher)
        return None

    async def close(self) -> None:
        """Finishes what waits and frees the threads."""
        residents = self.residents()
        self.route({}, {})
        for resident in residents:
            await resident.drain()
        for executor in self._threads.values():
            executor.shutdown()

    def depths(self) -> Iterator[tuple[str, str, int]]:
        """Task, model and the items that wait, per lane."""
        for resident in self.residents():
            for task, lane in resident.lanes.items():
                yield task, resident.model.model_id, len(lane)

    def _open(self, model: Model, head: Head) -> Batcher:
        settings, metrics = self.settings, self.metrics
        limits = Limits(
            max_batch=settings.endpoint_max_batch,
            max_size=settings.endpoint_max_tokens if head.lane == "texts" else 0,
            wait_s=settings.endpoint_wait_s,
            max_queued=settings.endpoint_max_queued,
            deadline_s=settings.endpoint_deadline_s,
            stretch=settings.endpoint_stretch,
        )
        return Batcher(
            head.forward,
            executor=self._threads[head.lane],
            limits=limits,
            size=head.size if head.lane == "texts" else None,
            on_batch=partial(metrics.ran, head.task, model.model_id),
        )


def free_memory() -> None:
    """A model and its heads point at each other: only the collector frees them, and it may look away."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def failure(lease: Lease, error: BaseException) -> dict[str, str]:
    """Fields of a log line."""
    model = lease.model
    return {"model": model.model_id, "revision": model.revision, "error": type(error).__name__}
