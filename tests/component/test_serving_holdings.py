"""What a container holds in memory and on its disk while revisions come, go, come back and hang."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gpu_endpoint.lifecycle.artifacts import artifact_key, register
from gpu_endpoint.lifecycle.desired_state import DesiredState, ModelEntry, Weights
from gpu_endpoint.lifecycle.folder_objects import FolderObjects
from gpu_endpoint.lifecycle.holdings import Holdings
from gpu_endpoint.lifecycle.loader import Loader
from gpu_endpoint.models.config import CONFIGS, read_config
from gpu_endpoint.registry import Registry
from gpu_endpoint.settings import EndpointSettings

pytestmark = pytest.mark.component

MODEL = "scenes-rn-128e"
NOTHING = DesiredState(models=[], defaults={})


class Hanging(FolderObjects):
    """A store that answers nothing of one file until it is `freed`."""

    def __init__(self, folder: Path, key: str) -> None:
        super().__init__(folder)
        self._key, self.freed = key, threading.Event()

    def fetch(self, key: str, target: Path) -> None:
        if key == self._key:
            assert self.freed.wait(60)
        super().fetch(key, target)


class Container:
    """The holdings of one, over a store in a folder."""

    def __init__(self, settings: EndpointSettings, objects: FolderObjects) -> None:
        self.registry, self._ended = Registry(settings), asyncio.Event()
        self.holdings = Holdings(self.registry, Loader(settings, objects), changed=self._ended.set)
        self._folder = settings.models / "artifacts" / str(os.getpid())  # others share the models' home

    @property
    def files(self) -> int:
        """How many lie on the disk."""
        return sum(path.is_file() for path in self._folder.rglob("*"))

    @property
    def loading(self) -> bool:
        """Whether a thread is at it."""
        return any(thread.name == "load" for thread in threading.enumerate())

    async def bring_in(self, state: DesiredState) -> None:
        """Until the next load has ended."""
        self._ended.clear()
        self.holdings.bring_in(state)
        await self._ended.wait()

    def let_go(self) -> None:
        """Nothing is wanted any more."""
        self.holdings.let_go(NOTHING, serving=set())


def run(
    scenario: Callable[[Container], Awaitable[None]], settings: EndpointSettings, objects: FolderObjects
) -> None:
    async def main() -> None:
        container = Container(settings, objects)
        try:
            async with asyncio.timeout(60):
                await scenario(container)
        finally:
            container.holdings.close()
            await container.registry.close()

    asyncio.run(main())


async def until(check: Callable[[], bool]) -> None:
    while not check():
        await asyncio.sleep(0.01)


def serving(*weights: Weights) -> DesiredState:
    entries = [
        ModelEntry(id=one.config.id, current=one.config.revision(), revisions={one.config.revision(): one})
        for one in weights
    ]
    return DesiredState(models=entries, defaults={})


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "store")


def test_what_comes_back_while_its_last_request_runs_keeps_its_files(
    objects: FolderObjects, models_home: Path
) -> None:
    state = serving(register(objects, read_config(MODEL), CONFIGS))

    async def scenario(container: Container) -> None:
        await container.bring_in(state)
        files = container.files
        assert files > 0
        (first,) = container.registry.residents()
        first.hold()
        container.let_go()
        await until(lambda: not container.registry.residents())
        await container.bring_in(state)
        (report,) = container.holdings.reports.values()
        assert report.state == "ready", report.reason
        there = container.files
        first.release()
        await until(lambda: container.files in {0, files} - {there})
        assert container.files == files, "those of the first are gone, those of the second are not"
        container.let_go()
        await until(lambda: container.files == 0)

    run(scenario, EndpointSettings(home=models_home, image_model=MODEL, endpoint_threads=1), objects)


def test_a_load_that_hangs_is_reported_and_the_next_begins(models_home: Path, tmp_path: Path) -> None:
    config = read_config(MODEL)
    objects = Hanging(tmp_path / "store", artifact_key(config.files["image"].sha256))
    hangs, other = (
        register(objects, config, CONFIGS),
        config.model_copy(update={"id": "other", "family": "none", "files": {}}),
    )
    state = serving(hangs, Weights(config=other))

    async def scenario(container: Container) -> None:
        await container.bring_in(state)
        await container.bring_in(state)
        said = {report.model: (report.state, report.reason) for report in container.holdings.reports.values()}
        assert said[MODEL] == ("failed", "it was not loaded within 0.2 s")
        assert "family" in said["other"][1], "it had its turn"
        assert all(container.holdings.settled(entry) for entry in state.models)
        objects.freed.set()
        await until(lambda: not container.loading and container.files == 0)
        assert not container.registry.residents(), "what comes too late does not serve"

    settings = EndpointSettings(home=models_home, image_model=MODEL, endpoint_threads=1, model_load_s=0.2)
    run(scenario, settings, objects)
