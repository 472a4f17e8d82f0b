"""What an operator does: each step is one conditional write of the desired state, then a wait for the fleet.

Any number of controllers may work at once, and any may be killed: the state object is all there is. A step
that was cut off is run again and goes on from where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from gpu_endpoint.lifecycle import desired_state, reports
from gpu_endpoint.lifecycle.artifacts import registered
from gpu_endpoint.lifecycle.desired_state import (
    STATE_KEY,
    DesiredState,
    Mode,
    ModelEntry,
    TransitionError,
)
from gpu_endpoint.lifecycle.objects import Objects, StaleWriteError, StoreError
from gpu_endpoint.lifecycle.reports import ContainerReport
from gpu_endpoint.lifecycle.settling import judged, settled
from gpu_endpoint.lifecycle.standing import FleetError, adopted, came_in, ready
from gpu_endpoint.models.ports import Task

WAIT_S = 300.0
LOOK_S = 0.2
CONTENDERS = 20
"""Conditional writes tried in a row: each one lost means that another controller's succeeded."""


class Controller:
    """Operations on one store."""

    def __init__(self, objects: Objects, *, wait_s: float = WAIT_S) -> None:
        self.objects = objects
        self._wait_s = wait_s

    def state(self) -> DesiredState | None:
        """What is written, with the containers' judgements; None when nothing was ever written."""
        found = reports.breaches(self.objects)
        stored = self.objects.get(STATE_KEY)
        if stored is None:
            return None
        return settled(DesiredState.model_validate_json(stored.body), found)

    def status(self) -> dict[str, Any]:
        """The state and the fleet. `models`: as the state has them, or what is served without one."""
        state, fleet = self.state(), reports.fleet(self.objects)
        known = state or (adopted(fleet) if fleet else None)
        return {
            "state": state.model_dump(mode="json", exclude_none=True) if state else None,
            "models": [one.model_dump(mode="json", exclude={"revisions"}) for one in known.models]
            if known
            else [],
            "containers": [one.model_dump(mode="json") for one in fleet],
        }

    def registered(self) -> dict[str, list[str]]:
        """Model id -> the revisions in the store."""
        found: dict[str, list[str]] = {}
        for one in self.objects.listed("registered/"):
            _, model, revision = one.key.removesuffix(".json").split("/")
            found.setdefault(model.replace("--", "/"), []).append(revision)
        return found

    def change(self, step: Callable[[DesiredState], DesiredState]) -> DesiredState:
        """Takes one step. Raises: TransitionError; StaleWriteError, when others always came first."""
        for _ in range(CONTENDERS):
            found = reports.breaches(self.objects)  # before the state: none of a later one is among them
            stored = self.objects.get(STATE_KEY)
            written = DesiredState.model_validate_json(stored.body) if stored else None
            state = written or adopted(reports.fleet(self.objects))
            state = step(settled(state, found))
            if state != written:
                body = state.model_dump_json(indent=1, exclude_none=True).encode()
                try:
                    self.objects.replace(STATE_KEY, body, etag=stored.etag if stored else None)
                except StaleWriteError:
                    continue
            self._clear(found.keys() - judged(state))
            return state
        raise StaleWriteError("other controllers write all the time")

    def _clear(self, keys: Iterable[str]) -> None:
        """Judgements that count no more: every container reads all there are. What stays goes next time."""
        with suppress(StoreError):
            for key in keys:
                self.objects.delete(key)

    def add(self, model_id: str, revision: str) -> None:
        """Serves a model id that was not served, beside the others. Raises: FleetError, with the reason."""
        weights = registered(self.objects, model_id, revision)
        self.change(lambda state: desired_state.added(state, weights))
        self._wait(
            lambda fleet: came_in(model_id, revision, fleet),
            f"{revision} of {model_id} does not answer everywhere",
        )

    def remove(self, model_id: str) -> DesiredState:
        """Serves a model id no more."""
        return self.change(lambda state: desired_state.removed(state, model_id))

    def load(self, model_id: str, revision: str, *, mode: Mode = "idle", share: float = 0.0) -> DesiredState:
        """Names a candidate; every container loads and checks it beside the current revision."""
        state = self.state()
        known = state.entry(model_id).revisions if state else {}
        weights = known.get(revision) or registered(self.objects, model_id, revision)
        return self.change(lambda state: desired_state.loading(state, weights, mode=mode, share=share))

    def trial(self, model_id: str, *, mode: Mode, share: float) -> DesiredState:
        """Shadow or canary traffic for the candidate. Raises: FleetError, when a container refused it."""
        entry = self._entry(model_id)
        if entry.candidate:
            ready(entry, entry.candidate.revision, reports.fleet(self.objects))
        return self.change(lambda state: desired_state.trying(state, model_id, mode=mode, share=share))

    def drop(self, model_id: str) -> DesiredState:
        """Lets the candidate go."""
        return self.change(lambda state: desired_state.dropped(state, model_id))

    def default(self, task: Task, model_id: str) -> DesiredState:
        """Another model for requests that name none."""
        return self.change(lambda state: desired_state.with_default(state, task, model_id))

    def promote(self, model_id: str, revision: str | None = None) -> float:
        """Waits until every living container is ready, swaps, waits until all have; seconds of the swap.

        Naming the revision makes it safe to repeat. Raises: FleetError, TransitionError.
        """
        entry = self._entry(model_id)
        wanted = revision or (entry.candidate.revision if entry.candidate else None)
        if wanted is None:
            raise TransitionError(f"{model_id} has no candidate")
        self.wait_ready(model_id, wanted)
        return self._swap(model_id, lambda state: desired_state.promoted(state, model_id, wanted))

    def rollback(self, model_id: str, *, reason: str = "by hand") -> float:
        """The previous revision takes its place back, which is in memory everywhere; seconds it took."""
        return self._swap(model_id, lambda state: desired_state.rolled_back(state, model_id, reason=reason))

    def wait_ready(self, model_id: str, revision: str) -> None:
        """Returns when the revision passed its checks everywhere. Raises: FleetError, with the reasons."""
        self._wait(
            lambda fleet: ready(self._entry(model_id), revision, fleet),
            f"{revision} of {model_id} is not ready everywhere",
        )

    def _swap(self, model_id: str, step: Callable[[DesiredState], DesiredState]) -> float:
        began = time.monotonic()
        revision = self.change(step).entry(model_id).current
        self._wait(
            lambda fleet: all(one.routes.get(model_id) == revision for one in fleet),
            f"{revision} of {model_id} does not answer everywhere",
        )
        return time.monotonic() - began

    def _entry(self, model_id: str) -> ModelEntry:
        state = self.state()
        if state is None:
            raise TransitionError("there is no desired state: the bundled models serve")
        return state.entry(model_id)

    def _wait(self, done: Callable[[list[ContainerReport]], bool], message: str) -> None:
        deadline = time.monotonic() + self._wait_s
        while True:
            fleet = reports.fleet(self.objects)
            if fleet and done(fleet):
                return
            if time.monotonic() > deadline:
                raise FleetError(f"{message} after {self._wait_s:g} s; {len(fleet)} containers live")
            time.sleep(LOOK_S)
