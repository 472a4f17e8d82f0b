"""Two containers, one desired state in S3, one address: loading, swapping, refusing and taking back.

Each test stands alone: `swapping` and `lonely` begin as if there had been none before.
"""

import json
import os
import re
import resource
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from benchmarks.fleet import Container
from gpu_endpoint.lifecycle.artifacts import artifact_key, register
from gpu_endpoint.lifecycle.controller import Controller
from gpu_endpoint.lifecycle.desired_state import STATE_KEY, TransitionError, promoted
from gpu_endpoint.lifecycle.reports import ContainerReport, fleet
from gpu_endpoint.lifecycle.standing import FleetError
from gpu_endpoint.models.config import ModelConfig
from sightline.contracts.inference import Problem
from tests.endpoint_process import REPOSITORY
from tests.model_fleet import MODEL, WAIT_S, Fleet, until

pytestmark = pytest.mark.component


def test_without_a_state_the_bundled_models_serve(lonely: Fleet) -> None:
    assert lonely.objects.get(STATE_KEY) is None
    assert lonely.ask().status_code == 200
    with pytest.raises(TransitionError, match="no desired state"):
        lonely.controller.promote(MODEL)


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


@contextmanager
def killed_at_the_end(container: Container) -> Iterator[Container]:
    """It has no time to say goodbye."""
    try:
        yield container.wait_ready()
    finally:
        container.process.kill()
        container.process.wait()


def test_who_joins_late_follows_who_died_is_not_waited_for_and_a_killed_controller_has_a_successor(
    swapping: Fleet, model_store: dict[str, str], models_home: Path, tmp_path: Path
) -> None:
    with killed_at_the_end(Container(models_home, tmp_path / "late.log", model_store)) as late:
        (served,) = swapping.answered_by()
        assert swapping.ask(url=late.url).json()["revision"] == served
        until(lambda: len(fleet(swapping.objects)) == 3, "its report")

    revision, environment = swapping.register("agrees", 8), {**os.environ, **model_store}
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
    assert done.stdout.startswith("swap_s ")
    assert swapping.routes() == [revision, revision]


def test_a_state_nobody_understands_changes_nothing(swapping: Fleet) -> None:
    stored, before = swapping.objects.get(STATE_KEY), set(swapping.routes())
    assert stored is not None
    swapping.objects.put(STATE_KEY, b'{"format": 2}')

    def misread() -> list[ContainerReport]:
        return [report for report in fleet(swapping.objects) if report.misread]

    try:
        until(lambda: len(misread()) == 2, "both say so")
        assert swapping.ask().status_code == 200
    finally:
        swapping.objects.put(STATE_KEY, stored.body)
    until(lambda: not misread(), "it is understood again")
    assert set(swapping.routes()) == before


def test_a_full_disk_refuses_the_candidate_and_the_container_serves_on(lonely: Fleet) -> None:
    """A limit on the size of files stands in for the disk's end: a write fails in the same place."""
    revision = lonely.register("agrees", 11)
    (container,) = lonely.containers
    resource.prlimit(container.process.pid, resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    with pytest.raises(FleetError, match="no space is left"):
        lonely.load(revision)
    assert lonely.ask().status_code == 200


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


def test_steps_that_wait_for_a_container_do_not_keep_it_from_following(lonely: Fleet) -> None:
    """As many at once as there are threads in the pool that asyncio has for all."""
    body, at_once = (
        {"model": MODEL, "revision": lonely.register("agrees", 16)},
        min(32, (os.cpu_count() or 1) + 4),
    )

    def load(_: int) -> httpx.Response:
        return httpx.post(f"{lonely.url}/models", json=body, timeout=WAIT_S)

    with ThreadPoolExecutor(at_once) as pool:
        answers = list(pool.map(load, range(at_once)))
    assert [answer.json() for answer in answers] == [{"ready": True}] * at_once
    assert len(fleet(lonely.objects)) == 1


def test_a_model_comes_and_goes_over_http(swapping: Fleet) -> None:
    url = swapping.containers[0].url
    path = renamed(swapping.variant("agrees", 15), "their-scenes")
    config = ModelConfig.model_validate_json(path.read_text())
    revision = register(swapping.objects, config, path.parent).config.revision()
    named = {"model": "their-scenes"}
    added = httpx.post(f"{url}/models/add", json=named | {"revision": revision}, timeout=60)
    assert added.json() == {"added": "their-scenes"}
    assert httpx.post(f"{url}/models/default", json=named | {"task": "embed_text"}).is_success
    refused = httpx.post(f"{url}/models/remove", json=named)
    assert "is the default of embed_text" in refused.json()["detail"]
    assert httpx.post(f"{url}/models/default", json={"model": MODEL, "task": "embed_text"}).is_success
    assert httpx.post(f"{url}/models/remove", json=named).json() == {"removed": "their-scenes"}
    until(lambda: all("their-scenes" not in one.routes for one in fleet(swapping.objects)), "it is gone")
    paths = httpx.get(f"{url}/openapi.json").json()["paths"]
    assert paths["/models/default"]["post"]["requestBody"]["content"]["application/json"]["schema"][
        "required"
    ]
    assert set(paths["/models/add"]["post"]["responses"]) == {"200", "400", "404", "408", "409", "422", "503"}


def test_the_commands_show_tables_or_json_and_a_model_of_a_known_family_comes_and_goes(
    swapping: Fleet, model_store: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in model_store.items():
        monkeypatch.setenv(name, value)

    def models(*arguments: str, status: int = 0) -> str:
        command = [sys.executable, "-m", "gpu_endpoint", "models", *arguments]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        return done.stderr if status else done.stdout

    config = renamed(swapping.variant("agrees", 13), "our-scenes")
    revision = json.loads(models("register", str(config), "--json"))["revision"]
    assert re.search(rf"^our-scenes +not served +{revision}$", models("list"), re.MULTILINE)
    added = models("add", "our-scenes", revision)
    assert re.search(rf"^our-scenes +{revision} +2 of 2$", added, re.MULTILINE)
    assert models("add", "our-scenes", revision) == added, "doing it twice is doing it once"
    assert httpx.post(
        f"{swapping.url}/invocations", json={"texts": ["a van"], "model": "our-scenes"}
    ).is_success
    other = renamed(swapping.variant("agrees", 14), "our-scenes")
    second = json.loads(models("register", str(other), "--json"))["revision"]
    assert "is served; load the revision" in models("add", "our-scenes", second, status=1)
    assert "is the default of embed_image, embed_text" in models("remove", MODEL, status=1)
    models("remove", "our-scenes")
    until(lambda: all("our-scenes" not in one.routes for one in fleet(swapping.objects)), "it is gone")
    assert "ready" in models("status")
    assert {one["id"] for one in json.loads(models("status", "--json"))["summary"]} >= {MODEL, "our-scenes"}
    config.write_text(config.read_text().replace('"licence"', '"license"'))
    assert models("register", str(config), status=1) == "licence: Field required\n"
    config.write_bytes(b"\xff")
    assert models("register", str(config), status=1).startswith("body: Invalid JSON")
    config.unlink()
    assert models("register", str(config), status=1) == f"No such file or directory: {config}\n"


def renamed(config: Path, model_id: str) -> Path:
    """The same files under an id of their own: a model of a known family is a config, and no code."""
    fields = json.loads(config.read_text()) | {"id": model_id}
    config.write_text(json.dumps(fields))
    return config
