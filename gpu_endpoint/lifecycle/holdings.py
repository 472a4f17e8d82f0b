"""The revisions one container has in memory, or tried to have: what it can report of each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from gpu_endpoint.lifecycle.beside import begun
from gpu_endpoint.lifecycle.desired_state import DesiredState, ModelEntry, Weights
from gpu_endpoint.lifecycle.loader import Loaded, Loader, LoadError
from gpu_endpoint.lifecycle.reports import RevisionReport
from gpu_endpoint.lifecycle.routing import Key
from gpu_endpoint.models.ports import Model
from gpu_endpoint.registry import Registry

log = logging.getLogger("gpu_endpoint")
AGAIN_S = 30.0
"""After which a load is tried again that failed for a passing reason, or whose revision must serve."""


class HungLoadError(LoadError):
    """A load took too long. It may hang for ever, so only an operator tries again."""


class Holdings:
    """Loads one revision at a time beside the traffic; `changed` is called when one has ended."""

    def __init__(self, registry: Registry, loader: Loader, *, changed: Callable[[], None]) -> None:
        self.held: dict[Key, str] = {}
        self.reports: dict[Key, RevisionReport] = {}
        self._registry, self._loader, self._changed = registry, loader, changed
        self._tried: dict[Key, tuple[int, float]] = {}
        self._folders: dict[Key, Path | None] = {}
        self._loading: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    async def bundled(self) -> list[Weights]:
        """Loads and serves what serves without a state. Raises: ModelFileError."""
        loaded = await asyncio.to_thread(self._loader.bundled)
        self._registry.serve([one.model for _, one in loaded])
        for weights, one in loaded:
            self._note((weights.config.id, weights.config.revision()), one)
        return [weights for weights, _ in loaded]

    def close(self) -> None:
        """Frees the disk."""
        self._loader.close()

    def settled(self, entry: ModelEntry) -> bool:
        """Whether one of the revisions that may serve is in memory, or none can be."""
        able = [(entry.id, name) for name in (entry.current, entry.previous) if name]
        return able[0] in self.held or all(key in self.held or key in self._tried for key in able)

    def bring_in(self, state: DesiredState) -> None:
        """Starts the next load, if none is under way."""
        if self._loading is not None and not self._loading.done():
            return
        for entry, revision in by_need(state):
            key = (entry.id, revision)
            if key not in self.held and self._due(key, attempt_of(entry, revision)):
                self._loading = asyncio.create_task(self._load(entry, revision))
                return

    def let_go(self, state: DesiredState, *, serving: set[Key]) -> None:
        """What the state no longer names finishes its requests and leaves memory."""
        wanted = {(entry.id, name) for entry in state.models for name in entry.named()} | serving
        for key in [key for key, one in self.reports.items() if key not in wanted and one.state != "loading"]:
            del self.reports[key]
            self._tried.pop(key, None)
            if held := self.held.pop(key, None):
                task = asyncio.create_task(self._evict(key[0], held, self._folders.pop(key)))
                self._leaving.add(task)
                task.add_done_callback(self._leaving.discard)

    async def _evict(self, model_id: str, revision: str, folder: Path | None) -> None:
        await self._registry.evict(model_id, revision)
        await asyncio.to_thread(self._loader.forget, folder)

    def named(self, model_id: str, serves: str) -> str | None:
        """The state's name of a revision, from the one that answers carry."""
        for (model, revision), held in self.held.items():
            if (model, held) == (model_id, serves):
                return revision
        return None

    def _due(self, key: Key, attempt: int) -> bool:
        tried, again_at = self._tried.get(key, (-1, 0.0))
        return attempt != tried or time.monotonic() >= again_at

    async def _load(self, entry: ModelEntry, revision: str) -> None:
        key, attempt = (entry.id, revision), attempt_of(entry, revision)
        self.reports[key] = RevisionReport(
            model=entry.id, revision=revision, attempt=attempt, state="loading"
        )
        reference = self._current(entry.id) if attempt else None
        try:
            loaded = await self._in_time(entry.revisions[revision], reference)
            await self._check_new(entry.id, loaded)
        except LoadError as error:
            lasting = isinstance(error, HungLoadError) or (attempt and not error.passing)
            self._tried[key] = (attempt, float("inf") if lasting else time.monotonic() + AGAIN_S)
            self.reports[key] = RevisionReport(
                model=entry.id, revision=revision, attempt=attempt, state="failed", reason=str(error)
            )
            log.warning("a revision cannot serve", extra={"fields": self.reports[key].model_dump()})
        else:
            self._registry.install(loaded.model)
            self._note(key, loaded, attempt=attempt)
        finally:
            self._changed()

    async def _in_time(self, weights: Weights, reference: Model | None) -> Loaded:
        """A thread that hangs cannot be ended: it is left behind. Raises: LoadError."""
        limit_s = self._registry.settings.model_load_s
        running = begun(lambda: self._loader.load(weights, reference=reference), name="load")
        try:
            return await asyncio.wait_for(asyncio.wrap_future(running), limit_s)
        except TimeoutError as error:
            running.add_done_callback(self._too_late)
            raise HungLoadError(f"it was not loaded within {limit_s:g} s") from error

    def _too_late(self, running: Future[Loaded]) -> None:
        if running.exception() is None:
            self._loader.forget(running.result().folder)

    async def _check_new(self, model_id: str, loaded: Loaded) -> None:
        revision = loaded.model.revision
        if self._registry.resident(model_id, revision) is not None:
            await asyncio.to_thread(self._loader.forget, loaded.folder)
            raise LoadError(f"it answers as {revision}, which is in memory already")

    def _current(self, model_id: str) -> Model | None:
        route = self._registry.routes.get(model_id)
        resident = self._registry.resident(model_id, route.current) if route else None
        return resident.model if resident else None

    def _note(self, key: Key, loaded: Loaded, *, attempt: int = 0) -> None:
        self.held[key], self._folders[key] = loaded.model.revision, loaded.folder
        self.reports[key] = RevisionReport(
            model=key[0],
            revision=key[1],
            attempt=attempt,
            state="ready",
            serves=loaded.model.revision,
            checks={name: round(value, 4) for name, value in loaded.checks.items()},
            took_s=round(loaded.took_s, 3),
        )


def by_need(state: DesiredState) -> list[tuple[ModelEntry, str]]:
    """Every revision the state names: what must answer first, candidates last."""
    ranked = [(rank, entry, name) for entry in state.models for rank, name in enumerate(entry.named())]
    return [(entry, name) for _, entry, name in sorted(ranked, key=lambda one: one[0])]


def attempt_of(entry: ModelEntry, revision: str) -> int:
    """Which attempt at loading this is; 0 for a revision that is no candidate."""
    candidate = entry.candidate
    return candidate.attempt if candidate and candidate.revision == revision else 0
