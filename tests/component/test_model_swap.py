"""Two containers, one desired state in S3, one address: loading, swapping, refusing and taking back."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from benchmarks.fleet import CREDENTIALS, Container, RoundRobin, new_bucket, running_fleet
from benchmarks.model_swap import sheet
from benchmarks.variants import Kind, write_variant
from gpu_endpoint.lifecycle.artifacts import artifact_key, register
from gpu_endpoint.lifecycle.controller import Controller, FleetError
from gpu_endpoint.lifecycle.desired_state import STATE_KEY, TransitionError, promoted
from gpu_endpoint.lifecycle.objects import Objects, open_objects
from gpu_endpoint.lifecycle.reports import ContainerReport, fleet
from gpu_endpoint.models.config import ModelConfig
from sightline.contracts.inference import ATTRIBUTES_HEADER, JPEG, Call, ModelPin, Problem, SheetLayout
from tests.endpoint_process import REPOSITORY

pytestmark = pytest.mark.component

MODEL = "scenes-rn-128"
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

    def register(self, kind: Kind, seed: int) -> str:
        """A revision in the store."""
        path = write_variant(MODEL, self._variants / f"{kind}-{seed}", kind=kind, seed=seed)
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
def store(emulator: str) -> Iterator[dict[str, str]]:
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
def swapping(
    store: dict[str, str], models_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """Two ready containers."""
    folder = tmp_path_factory.mktemp("fleet")
    objects = open_objects(store["SIGHTLINE_MODEL_STORE"])
    with (
        running_fleet(models_home, folder, store) as containers,
        RoundRobin([container.url for container in containers]) as address,
    ):
        until(lambda: len(fleet(objects)) == 2, "two reports")
        yield Fleet(containers, address.url, objects, folder / "variants")


def test_without_a_state_the_bundled_models_serve(swapping: Fleet) -> None:
    assert swapping.objects.get(STATE_KEY) is None
    assert swapping.ask().status_code == 200
    with pytest.raises(TransitionError, match="no desired state"):
        swapping.controller.promote(MODEL)


def test_a_swap_under_load_fails_no_request_and_a_rollback_needs_no_load(swapping: Fleet) -> None:
    revision, stop = swapping.register("agrees", 1), threading.Event()

    def keep_asking(_: int) -> Counter[int]:
        seen: Counter[int] = Counter()
        while not stop.is_set():
            seen[swapping.ask().status_code] += 1
        return seen

    before = swapping.answered_by()
    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(keep_asking, client) for client in range(2)]
        try:
            swapping.load(revision)
            assert swapping.answered_by() == before, "a candidate answers nobody"
            swap_s = swapping.controller.promote(MODEL, revision)
            after = swapping.answered_by()
            back_s = swapping.controller.rollback(MODEL)
        finally:
            stop.set()
    assert all(set(one.result()) == {200} for one in asking)
    assert after.isdisjoint(before)
    assert swapping.answered_by() == before
    assert max(swap_s, back_s) < 10


def test_the_previous_revision_answers_who_pinned_it_until_it_is_gone(swapping: Fleet) -> None:
    (first,) = swapping.answered_by()
    swapping.promote("agrees", 2)
    assert swapping.answered_by(revision=first) == {first}
    swapping.promote("agrees", 3)
    until(lambda: swapping.ask(revision=first).status_code == 409, "it leaves memory")
    assert Problem.model_validate_json(swapping.ask(revision=first).content).code == "model-mismatch"


def test_what_does_not_agree_changes_nothing_and_says_why(swapping: Fleet) -> None:
    before, revision = swapping.current, swapping.register("disagrees", 4)
    with pytest.raises(FleetError, match="cosine to the current revision"):
        swapping.load(revision)
    with pytest.raises(FleetError, match="failed in"):
        swapping.controller.promote(MODEL, revision)
    with pytest.raises(FleetError, match="failed in"):
        swapping.controller.trial(MODEL, mode="shadow", share=0.5)
    with pytest.raises(FleetError, match="is not the candidate"):
        swapping.controller.promote(MODEL, "000000000000")
    assert (swapping.current, set(swapping.routes())) == (before, {before})
    swapping.controller.drop(MODEL)


def test_an_artifact_with_another_content_is_refused(swapping: Fleet) -> None:
    revision = swapping.register("agrees", 5)
    stored = swapping.objects.get(f"registered/{MODEL}/{revision}.json")
    assert stored is not None
    sha256 = json.loads(stored.body)["config"]["files"]["image"]["sha256"]
    swapping.objects.put(artifact_key(sha256), b"not what was pinned")
    with pytest.raises(FleetError, match="was altered"):
        swapping.load(revision)
    swapping.controller.drop(MODEL)


def test_what_breaks_once_it_serves_is_taken_back_and_no_request_fails(swapping: Fleet) -> None:
    before = swapping.current
    bad = swapping.promote("breaks", 6)
    answers = []
    until(
        lambda: answers.append(swapping.ask(white=True).status_code) or swapping.current == before,
        "it is taken back",
    )
    until(lambda: set(swapping.routes()) == {before}, "by both containers")
    assert set(answers) == {200}
    state = swapping.controller.state()
    assert state is not None
    reason = state.entry(MODEL).rolled_back or ""
    assert reason.startswith(f"{bad}: ")
    assert reason.endswith("requests failed")
    said = "".join(container.log.read_text() for container in swapping.containers)
    assert '"Namespace": "Sightline"' in said, "counted for CloudWatch"
    assert '"ModelRollbacks": 1' in said


def test_shadow_traffic_is_compared_and_of_two_promotions_at_once_one_swaps(swapping: Fleet) -> None:
    revision = swapping.register("agrees", 7)
    swapping.load(revision)
    swapping.controller.trial(MODEL, mode="shadow", share=1.0)

    def compared() -> bool:
        swapping.ask()
        tallies = [report.shadow.get(MODEL) for report in fleet(swapping.objects)]
        return all(tally and tally["compared"] >= 4 for tally in tallies)

    until(compared, "both compare")
    for report in fleet(swapping.objects):
        assert report.shadow[MODEL]["agreement"] > 0.99
        assert report.routes[MODEL] != revision
    generation = swapping.controller.change(lambda state: state).entry(MODEL).generation
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: Controller(swapping.objects).promote(MODEL, revision), range(2)))
    entry = swapping.controller.change(lambda state: promoted(state, MODEL, revision)).entry(MODEL)
    assert (entry.current, entry.generation) == (revision, generation + 1)


def test_who_joins_late_follows_who_died_is_not_waited_for_and_a_killed_controller_has_a_successor(
    swapping: Fleet, store: dict[str, str], models_home: Path, tmp_path: Path
) -> None:
    late = Container(models_home, tmp_path / "late.log", store).wait_ready()
    (served,) = swapping.answered_by()
    assert swapping.ask(url=late.url).json()["revision"] == served
    until(lambda: len(fleet(swapping.objects)) == 3, "its report")
    late.process.send_signal(signal.SIGKILL)
    late.process.wait()

    revision, environment = swapping.register("agrees", 8), {**os.environ, **store}
    swapping.load(revision)
    command = [sys.executable, "-m", "gpu_endpoint", "models", "promote", MODEL, revision]
    killed = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL)
    until(lambda: swapping.current == revision, "the state is written")
    killed.kill()
    killed.wait()
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["swap_s"] < WAIT_S
    assert swapping.routes() == [revision, revision]


def test_a_state_nobody_understands_changes_nothing(swapping: Fleet) -> None:
    stored, before = swapping.objects.get(STATE_KEY), set(swapping.routes())
    assert stored is not None
    swapping.objects.put(STATE_KEY, b'{"format": 2}')

    def misread() -> list[ContainerReport]:
        return [report for report in fleet(swapping.objects) if report.misread]

    until(lambda: len(misread()) == 2, "both say so")
    assert swapping.ask().status_code == 200
    swapping.objects.put(STATE_KEY, stored.body)
    until(lambda: not misread(), "it is understood again")
    assert set(swapping.routes()) == before


def test_a_full_disk_refuses_the_candidate_and_the_container_serves_on(
    store: dict[str, str], swapping: Fleet, tmp_path: Path, models_home: Path
) -> None:
    """A limit on the size of files stands in for the disk's end: a write fails in the same place."""
    lonely = {**store, "SIGHTLINE_MODEL_STORE": str(tmp_path / "store")}
    for built in (models_home / "models").iterdir():
        if built.is_file():
            (tmp_path / "models").mkdir(exist_ok=True)
            (tmp_path / "models" / built.name).symlink_to(built)
    container = Container(tmp_path, tmp_path / "log", lonely).wait_ready()
    try:
        alone = Fleet(
            [container], container.url, open_objects(str(tmp_path / "store")), tmp_path / "variants"
        )
        until(lambda: len(fleet(alone.objects)) == 1, "its report")
        revision = alone.register("agrees", 11)
        resource.prlimit(container.process.pid, resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        with pytest.raises(FleetError, match="no space is left"):
            alone.load(revision)
        assert alone.ask().status_code == 200
    finally:
        container.stop()


def test_the_operator_s_steps_over_http_are_for_this_machine_alone(swapping: Fleet) -> None:
    url = swapping.containers[0].url
    models = httpx.get(f"{url}/models").json()
    assert models["this"]["routes"][MODEL] == swapping.current
    assert len(models["containers"]) == 2
    refused = httpx.post(f"{url}/models/promote", json={"model": MODEL})
    assert (refused.status_code, refused.json()["code"]) == (409, "step-refused")
    unknown = httpx.post(f"{url}/models", json={"model": MODEL, "revision": uuid4().hex})
    assert (unknown.status_code, "no registered revision" in unknown.json()["detail"]) == (409, True)
    assert httpx.post(f"{url}/models/drop", json={"model": 7}).status_code == 422
    assert httpx.post(f"{url}/models/drop", content=b"{").status_code == 400
    for headers in ({"origin": "https://example.org"}, {"host": "example.org"}):
        assert httpx.get(f"{url}/models", headers=headers).status_code == 404
    revision = swapping.register("agrees", 12)
    assert httpx.post(f"{url}/models", json={"model": MODEL, "revision": revision}, timeout=60).json() == {
        "ready": True
    }
    swapped = httpx.post(f"{url}/models/promote", json={"model": MODEL}, timeout=60).json()
    assert swapped["swap_s"] < WAIT_S
    assert set(swapping.routes()) == {revision}
