"""Which revision answers: routes, pins, canaries, and another one for one that fails."""

import asyncio
import weakref
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
import pytest

from gpu_endpoint.errors import MalformedBodyError, ModelMismatchError
from gpu_endpoint.lifecycle.desired_state import DesiredState, ModelEntry, Weights
from gpu_endpoint.lifecycle.routing import Routing, routed
from gpu_endpoint.lifecycle.shadow import Shadow
from gpu_endpoint.models.config import ModelConfig
from gpu_endpoint.models.heads import text_head
from gpu_endpoint.models.ports import Head, Task, Vectors
from gpu_endpoint.registry import Registry
from gpu_endpoint.residents import Lease, Route
from gpu_endpoint.settings import EndpointSettings
from sightline.contracts.inference import ModelPin

pytestmark = pytest.mark.unit


class Letters:
    """Embeds a text by its length; `turn` turns the vector, `broken` raises."""

    precision, dim = "float32", 2
    model_id = "letters"

    def __init__(self, revision: str, *, turn: float = 0.0, broken: bool = False) -> None:
        self.revision, self.turn, self.broken = revision, turn, broken
        self.tasks: dict[Task, Head] = {"embed_text": text_head(self)}

    def prepare_texts(self, texts: Sequence[str]) -> Sequence[str]:
        return texts

    def forward_texts(self, prepared: Sequence[str], /) -> Vectors:
        if self.broken:
            raise ArithmeticError
        angles = np.array([len(text) + self.turn for text in prepared])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def run(scenario: Callable[[Registry], Awaitable[None]]) -> None:
    async def main() -> None:
        # Patient: on a busy machine nothing is refused for taking long.
        registry = Registry(EndpointSettings(image_model="letters", endpoint_stretch=1e6))
        try:
            await asyncio.wait_for(scenario(registry), 20)
        finally:
            await registry.close()

    asyncio.run(main())


async def embed(lease: Lease) -> str:
    """One attempt; answers which revision it was."""
    items = lease.head.prepare(["a text"])
    lease.head.finish(["a text"], items, await lease.lane.submit(items))
    return lease.model.revision


def ask(registry: Registry, revision: str | None = None) -> Awaitable[str]:
    return registry.answering("embed_text", ModelPin(revision=revision), embed)


def test_a_pin_reaches_any_revision_in_memory_and_no_other() -> None:
    async def scenario(registry: Registry) -> None:
        registry.serve([Letters("r1")])
        registry.install(Letters("r2"))
        assert await ask(registry) == "r1"
        assert await ask(registry, "r2") == "r2"
        registry.route({"letters": Route("r2", fallback="r1")}, registry.defaults)
        assert [await ask(registry), await ask(registry, "r1")] == ["r2", "r1"]
        await registry.evict("letters", "r1")
        with pytest.raises(ModelMismatchError, match="at revision r2, not r1"):
            await ask(registry, "r1")

    run(scenario)


def test_another_revision_answers_for_one_that_fails_unless_it_was_pinned() -> None:
    async def scenario(registry: Registry) -> None:
        registry.serve([Letters("r1")])
        registry.install(Letters("r2", broken=True))
        registry.route({"letters": Route("r2", fallback="r1")}, registry.defaults)
        assert await ask(registry) == "r1"
        with pytest.raises(ArithmeticError):
            await ask(registry, "r2")

    run(scenario)


def test_a_caller_s_mistake_is_not_tried_twice() -> None:
    async def scenario(registry: Registry) -> None:
        registry.serve([Letters("r1")])
        registry.install(Letters("r2"))
        registry.route({"letters": Route("r2", fallback="r1")}, registry.defaults)
        tried: list[str] = []

        async def wrong(lease: Lease) -> None:
            tried.append(lease.model.revision)
            raise MalformedBodyError

        with pytest.raises(MalformedBodyError):
            await registry.answering("embed_text", ModelPin(), wrong)
        assert tried == ["r2"]

    run(scenario)


def test_a_canary_answers_its_share_to_a_request() -> None:
    async def scenario(registry: Registry) -> None:
        registry.serve([Letters("r1")])
        registry.install(Letters("r2"))
        registry.route({"letters": Route("r1", canary="r2", share=0.25)}, registry.defaults)
        assert Counter([await ask(registry) for _ in range(100)]) == {"r1": 75, "r2": 25}

    run(scenario)


def test_a_revision_that_leaves_finishes_what_it_began() -> None:
    async def scenario(registry: Registry) -> None:
        registry.serve([Letters("r1")])
        registry.install(Letters("r2"))
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow(lease: Lease) -> str:
            begun.set()
            await go_on.wait()
            return await embed(lease)

        request = asyncio.create_task(registry.answering("embed_text", ModelPin(), slow))
        await begun.wait()
        registry.route({"letters": Route("r2")}, registry.defaults)
        leaving = asyncio.create_task(registry.evict("letters", "r1"))
        assert await ask(registry) == "r2"
        assert not leaving.done()
        go_on.set()
        assert await request == "r1"
        await leaving

    run(scenario)


def test_a_revision_that_left_frees_its_memory() -> None:
    async def scenario(registry: Registry) -> None:
        gone, stays = Letters("r1"), Letters("r2")
        seen = weakref.ref(gone)
        registry.serve([gone])
        registry.install(stays)
        assert await ask(registry) == "r1"
        registry.route({"letters": Route("r2")}, registry.defaults)
        del gone
        await registry.evict("letters", "r1")
        assert seen() is None
        assert await ask(registry) == "r2"

    run(scenario)


def test_shadow_traffic_is_compared_and_never_answered() -> None:
    async def scenario(registry: Registry) -> None:
        registry.serve([Letters("r1")])
        shadow = Shadow(registry.install(Letters("r2", turn=0.5)), share=0.5)
        for _ in range(10):
            with registry.lease("embed_text", ModelPin()) as lease:
                items = lease.head.prepare(["a text"])
                result = lease.head.finish(["a text"], items, await lease.lane.submit(items))
                shadow.offer("embed_text", ["a text"], result)
            await shadow.close()
        broken = Shadow(registry.install(Letters("r3", broken=True)), share=1)
        broken.offer("embed_text", ["a text"], result)
        await broken.close()
        assert (shadow.tally.requests, shadow.tally.compared, shadow.tally.skipped) == (5, 5, 0)
        assert shadow.tally.figures()["agreement"] == pytest.approx(np.cos(0.5), abs=1e-4)
        assert broken.tally.figures()["failed"] == 1

    run(scenario)


def state(**entry: Any) -> DesiredState:
    config = ModelConfig(id="letters", family="none", dim=8, licence="MIT", source="a test", tokenizer="none")
    names = [entry["current"], *([entry["previous"]] if entry.get("previous") else [])]
    revisions = {name: Weights(config=config) for name in names}
    return DesiredState(
        models=[ModelEntry(id="letters", revisions=revisions, **entry)], defaults={"embed_text": "letters"}
    )


def test_what_is_not_in_memory_does_not_answer() -> None:
    held = {("letters", "a"): "a-int8", ("letters", "b"): "b-int8"}
    before = Routing({"letters": Route("a-int8")}, {"embed_text": "letters"}, {"letters": "a"})
    ready = routed(state(current="b", previous="a"), held, before)
    assert ready.routes == {"letters": Route("b-int8", fallback="a-int8")}
    not_yet = routed(state(current="c", previous="a"), held, before)
    assert not_yet.routes["letters"].current == "a-int8"
    assert not_yet.serving == {"letters": "a"}
    nothing = routed(state(current="c"), {}, Routing({}, {}, {}))
    assert (nothing.routes, nothing.defaults) == ({}, {})
