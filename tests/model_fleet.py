"""Containers of the endpoint that follow one desired state, and an operator's hands on them."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import httpx
import pytest

from benchmarks.fleet import CREDENTIALS, Container, RoundRobin, new_bucket, running_fleet
from benchmarks.model_swap import sheet
from benchmarks.variants import Kind, write_variant
from gpu_endpoint.lifecycle.artifacts import register
from gpu_endpoint.lifecycle.controller import Controller
from gpu_endpoint.lifecycle.objects import Objects, open_objects
from gpu_endpoint.lifecycle.reports import fleet
from gpu_endpoint.models.config import ModelConfig
from sightline.contracts.inference import ATTRIBUTES_HEADER, JPEG, Call, ModelPin, SheetLayout

MODEL = "scenes-rn-128e"
WAIT_S = 60


@cache
def picture(*, white: bool) -> tuple[bytes, SheetLayout]:
    """What everybody asks about."""
    return sheet(7, white=white)


class Fleet:
    """Two containers and the operator's hands on them."""

    def __init__(self, containers: list[Container], url: str, objects: Objects, variants: Path) -> None:
        self.containers, self.url, self.objects = containers, url, objects
        self.controller = Controller(objects, wait_s=WAIT_S)
        self._variants = variants

    def variant(self, kind: Kind, seed: int) -> Path:
        """A revision's config, its files beside it."""
        return write_variant(MODEL, self._variants / f"{kind}-{seed}", kind=kind, seed=seed)

    def register(self, kind: Kind, seed: int) -> str:
        """A revision in the store."""
        path = self.variant(kind, seed)
        config = ModelConfig.model_validate_json(path.read_text())
        return register(self.objects, config, path.parent).config.revision()

    def load(self, revision: str) -> None:
        self.controller.load(MODEL, revision)
        self.controller.wait_ready(MODEL, revision)

    def promote(self, kind: Kind, seed: int) -> str:
        revision = self.register(kind, seed)
        self.load(revision)
        self.controller.promote(MODEL, revision)
        return revision

    def begin(self) -> None:
        """As every test finds it: a state that names what is served, no candidate, all behind it."""
        state = self.controller.change(lambda state: state)  # the first one writes what they serve
        if state.entry(MODEL).candidate:
            self.controller.drop(MODEL)
        served = [self.current] * len(self.containers)
        until(lambda: self.routes() == served, "both serve it")

    @property
    def current(self) -> str:
        state = self.controller.state()
        assert state is not None
        return state.entry(MODEL).current

    def routes(self) -> list[str]:
        """What each container answers with."""
        return [report.routes[MODEL] for report in fleet(self.objects)]

    def ask(self, *, white: bool = False, revision: str | None = None, url: str = "") -> httpx.Response:
        body, layout = picture(white=white)
        pin = ModelPin(model=MODEL, revision=revision)
        attributes = layout.to_attributes(pin, Call(deadline_ms=50_000))  # who names none is in a hurry
        headers = {"content-type": JPEG, ATTRIBUTES_HEADER: attributes}
        return httpx.post(f"{url or self.url}/invocations", content=body, headers=headers, timeout=60)

    def answered_by(self, *, revision: str | None = None) -> set[str]:
        """The revisions that four requests in a row are answered with."""
        return {self.ask(revision=revision).json()["revision"] for _ in range(4)}


def until(check: Callable[[], bool], what: str) -> None:
    """Returns once it holds."""
    deadline, waiting = time.monotonic() + WAIT_S, threading.Event()
    while not check():
        assert time.monotonic() < deadline, what
        waiting.wait(0.05)


@pytest.fixture(scope="module")
def model_store(emulator: str) -> Iterator[dict[str, str]]:
    """A bucket of this module's, and the environment that leads to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", emulator)
        yield {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": emulator,
            "SIGHTLINE_MODEL_STORE": new_bucket(emulator),
            "SIGHTLINE_MODEL_POLL_S": "0.2",
            "SIGHTLINE_MODEL_REPORT_S": "6",
            "SIGHTLINE_ENDPOINT_THREADS": "1",
        }


@pytest.fixture(scope="module")
def two_containers(
    model_store: dict[str, str], models_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """Ready, for all tests of this file."""
    folder = tmp_path_factory.mktemp("fleet")
    objects = open_objects(model_store["SIGHTLINE_MODEL_STORE"])
    with (
        running_fleet(models_home, folder, model_store) as containers,
        RoundRobin([container.url for container in containers]) as address,
    ):
        until(lambda: len(fleet(objects)) == 2, "two reports")
        yield Fleet(containers, address.url, objects, folder / "variants")


@pytest.fixture
def swapping(two_containers: Fleet) -> Fleet:
    """Two containers, whatever the test before left behind."""
    two_containers.begin()
    return two_containers


@pytest.fixture
def lonely(model_store: dict[str, str], tmp_path: Path) -> Iterator[Fleet]:
    """A container with a store and a home of its own, which nobody has written to."""
    address = str(tmp_path / "store")
    container = Container(tmp_path, tmp_path / "log", {**model_store, "SIGHTLINE_MODEL_STORE": address})
    try:
        container.wait_ready()
        objects = open_objects(address)
        until(lambda: len(fleet(objects)) == 1, "its report")
        yield Fleet([container], container.url, objects, tmp_path / "variants")
    finally:
        container.stop()
