"""Containers' judgements: how long they count, who deletes them, and who reads them meanwhile."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gpu_endpoint.lifecycle.controller import Controller
from gpu_endpoint.lifecycle.desired_state import STATE_KEY, Candidate, DesiredState, ModelEntry, Weights
from gpu_endpoint.lifecycle.folder_objects import FolderObjects
from gpu_endpoint.lifecycle.follower import Follower
from gpu_endpoint.lifecycle.objects import Listed, Stored
from gpu_endpoint.lifecycle.reports import BREACHES, Breach
from gpu_endpoint.models.config import ModelConfig
from gpu_endpoint.registry import Registry
from gpu_endpoint.settings import EndpointSettings

pytestmark = pytest.mark.component

NOBODY = ModelConfig(id="scenes", family="none", licence="MIT", source="a test", tokenizer="none", files={})


def state() -> DesiredState:
    """b has taken a's place twice already, and c is its candidate for the second time."""
    entry = ModelEntry(
        id="scenes",
        generation=3,
        attempts=2,
        current="b",
        previous="a",
        candidate=Candidate(revision="c", attempt=2),
        revisions={name: Weights(config=NOBODY) for name in "abc"},
    )
    return DesiredState(models=[entry], defaults={})


def breach(objects: FolderObjects, *keys: str) -> None:
    for key in keys:
        objects.put(BREACHES + key, Breach(container="one", reason="it failed").model_dump_json().encode())


def kept(objects: FolderObjects) -> set[str]:
    return {one.key.removeprefix(BREACHES) for one in objects.listed(BREACHES)}


def test_a_step_deletes_the_judgements_that_count_no_more(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path)
    objects.put(STATE_KEY, state().model_dump_json().encode())
    breach(objects, "scenes/3-2-c.json", "scenes/3-1-c.json", "scenes/2-0-b.json", "gone/1-0-b.json")
    controller = Controller(objects)
    assert controller.change(lambda now: now) == state()
    assert kept(objects) == {"scenes/3-2-c.json"}, "of the candidate that is there"
    breach(objects, "scenes/3-0-b.json")
    entry = controller.change(lambda now: now).entry("scenes")
    assert (entry.current, entry.rolled_back) == ("a", "b: it failed")
    assert kept(objects) == set()
    assert controller.state() == DesiredState(models=[entry], defaults={})


class Interrupted(FolderObjects):
    """Somebody else does something after a container's first look at the state or the judgements."""

    def __init__(self, folder: Path, others: Callable[[], object]) -> None:
        super().__init__(folder)
        self._others = [others]

    def get(self, key: str) -> Stored | None:
        found = super().get(key)
        if key == STATE_KEY and self._others:
            self._others.pop()()
        return found

    def listed(self, prefix: str) -> Iterator[Listed]:
        found = list(super().listed(prefix))
        if prefix == BREACHES and self._others:
            self._others.pop()()
        return iter(found)


def test_who_looks_while_a_judgement_is_counted_in_and_deleted_does_not_go_back_on_it(tmp_path: Path) -> None:
    store = tmp_path / "store"
    objects, operator = FolderObjects(store), Controller(FolderObjects(store))
    objects.put(STATE_KEY, state().model_dump_json().encode())
    breach(objects, "scenes/3-0-b.json")

    async def look() -> str:
        registry = Registry(EndpointSettings(home=tmp_path))
        between = Interrupted(store, lambda: operator.change(lambda now: now))
        follower = Follower(registry, between, container="two")
        await follower.step()
        await follower.close()
        await registry.close()
        assert follower.state is not None
        return follower.state.entry("scenes").current

    assert asyncio.run(look()) == "a"
    assert kept(objects) == set()
