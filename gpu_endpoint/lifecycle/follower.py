"""Follows the desired state in one container: loads what is named, swaps, lets go, and says how it stands."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from pydantic import ValidationError

from gpu_endpoint.emf import SERVICE, Interval
from gpu_endpoint.lifecycle.desired_state import STATE_KEY, DesiredState, Weights
from gpu_endpoint.lifecycle.holdings import Holdings, attempt_of
from gpu_endpoint.lifecycle.judgement import Budget
from gpu_endpoint.lifecycle.loader import Loader
from gpu_endpoint.lifecycle.lookout import Lookout
from gpu_endpoint.lifecycle.objects import Objects, Stored, StoreError
from gpu_endpoint.lifecycle.reports import ContainerReport, breaches
from gpu_endpoint.lifecycle.routing import Routing, routed
from gpu_endpoint.lifecycle.settling import breach_key, judged, settled
from gpu_endpoint.lifecycle.shadow import Shadow
from gpu_endpoint.lifecycle.teller import Teller
from gpu_endpoint.registry import Registry

log = logging.getLogger("gpu_endpoint")


class Follower:
    """One per process; everything but loading and the store's answers runs on the event loop."""

    def __init__(self, registry: Registry, objects: Objects, *, container: str) -> None:
        settings = registry.settings
        self.registry, self.objects, self.container = registry, objects, container
        self.lookout = Lookout(Budget(watch_s=settings.model_watch_s), self._condemn)
        registry.watcher = self.lookout
        self.state: DesiredState | None = None
        self._wake = asyncio.Event()
        self.holdings = Holdings(registry, Loader(settings, objects), changed=self._wake.set)
        self._teller = Teller(objects, container=container, every_s=settings.model_report_s / 3)
        self._etag: str | None = None
        self._misread = self._unreachable = ""
        self._bundled: list[Weights] = []
        self._breaches: dict[str, str] = {}
        self._serving: dict[str, str] = {}

    async def start(self) -> None:
        """Learns the state, or serves the bundled models when there is none. Raises: ModelFileError."""
        settings = self.registry.settings
        while not await self._look() and not settings.model_store_optional:
            await asyncio.sleep(settings.model_poll_s)
        if self.state is None:
            self._bundled = await self.holdings.bundled()
            self._serving = {weights.config.id: weights.config.revision() for weights in self._bundled}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.step()
            except Exception:
                # Whatever goes wrong here, the models that serve go on serving.
                log.exception("a look at the desired state failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self.registry.settings.model_poll_s)
            self._wake.clear()

    async def step(self) -> None:
        """One look at the state, and what follows from it."""
        await self._look()
        if self.state is not None:
            self.holdings.bring_in(self.state)
            self._swap(self.state)
            self.holdings.let_go(self.state, serving=set(self._serving.items()))
        self.lookout.keep((model_id, held) for (model_id, _), held in self.holdings.held.items())
        await self._teller.tell(self.report())

    async def close(self) -> None:
        """Ends mirrored requests, and takes this container's report away."""
        for shadow in self.lookout.shadows.values():
            await shadow.close()
        self.holdings.close()
        await self._teller.withdraw()

    def report(self) -> ContainerReport:
        """How this container stands."""
        return ContainerReport(
            container=self.container,
            state=self._etag,
            misread=self._misread,
            ttl_s=self.registry.settings.model_report_s,
            revisions=list(self.holdings.reports.values()),
            routes=dict(self._serving),
            defaults=dict(self.registry.defaults),
            shadow={name: one.tally.figures() for name, one in self.lookout.shadows.items()},
            bundled=self._bundled,
        )

    async def _look(self) -> bool:
        """False while the store does not answer; what was known stays."""
        try:
            found = await asyncio.to_thread(breaches, self.objects)
            stored = await asyncio.to_thread(self.objects.get, STATE_KEY)
        except StoreError as error:
            if str(error) != self._unreachable:
                log.warning("the model store does not answer", extra={"fields": {"reason": str(error)}})
            self._unreachable = str(error)
            return False
        self._unreachable = ""
        if stored is not None:
            self._take(stored, found)
        return True

    def _take(self, stored: Stored, found: dict[str, str]) -> None:
        try:
            state = DesiredState.model_validate_json(stored.body)
        except ValidationError as error:
            self._misread = f"{stored.etag} is no desired state: {error.error_count()} fields are wrong"
            log.exception("the desired state cannot be read", extra={"fields": {"etag": stored.etag}})
            return
        self._misread, self._etag = "", stored.etag
        self.state = settled(state, found | self._breaches)
        counting = judged(state) | judged(self.state)
        self._breaches = {key: why for key, why in self._breaches.items() if key in counting}

    def _swap(self, state: DesiredState) -> None:
        """Requests go by the state from here on; what became current is watched."""
        default = {state.entry(name).id: state.entry(name) for name in state.defaults.values()}
        if not self.registry.ready and not all(map(self.holdings.settled, default.values())):
            return  # a container that starts takes no request before all its tasks have a model
        routes = dict(self.registry.routes)
        before = Routing(routes, dict(self.registry.defaults), dict(self._serving))
        new = routed(state, self.holdings.held, before)
        for model_id, route in new.routes.items():
            was = routes.get(model_id)
            if was is not None and was.current != route.current and route.fallback is not None:
                self.lookout.watch(model_id, route.current, instead_of=was.current)
            if route.canary is not None and (was is None or was.canary != route.canary):
                self.lookout.watch(model_id, route.canary, instead_of=route.current)
        if new.serving != self._serving:
            log.info("swapped", extra={"fields": {"serving": new.serving, "state": self._etag}})
        self._serving = new.serving
        self.registry.route(new.routes, new.defaults)
        self._mirror(state)

    def _mirror(self, state: DesiredState) -> None:
        """Begins and ends shadow traffic."""
        shadows: dict[str, Shadow] = {}
        for entry in state.models:
            candidate = entry.candidate
            held = self.holdings.held.get((entry.id, candidate.revision)) if candidate else None
            resident = self.registry.resident(entry.id, held) if held else None
            if candidate is None or candidate.mode != "shadow" or resident is None:
                continue
            known = self.lookout.shadows.get(entry.id)
            same = known and known.candidate is resident and known.share == candidate.share
            shadows[entry.id] = known if known and same else Shadow(resident, candidate.share)
        self.lookout.shadows = shadows

    def _condemn(self, model_id: str, revision: str, reason: str) -> None:
        """A revision broke its budget: it stops answering here at once, and everywhere at the next look."""
        counted = Interval()
        counted.counts["ModelRollbacks"] = 1
        fields = {"model": model_id, "revision": revision, "reason": reason}
        log.error("a revision is rolled back", extra={"fields": fields | counted.line({"service": SERVICE})})
        name = self.holdings.named(model_id, revision)
        if self.state is None or name is None:
            return
        entry = self.state.entry(model_id)
        key = breach_key(entry, name, attempt=attempt_of(entry, name))
        self._breaches[key] = reason
        self._teller.breach(key, reason)
        self.state = settled(self.state, self._breaches)
        self._swap(self.state)
        self._wake.set()
