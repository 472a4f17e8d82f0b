"""The app over models made for the purpose: entities, classes, failing models, overload, hang-ups, logs."""

import asyncio
import io
import json
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest

from gpu_endpoint.app import create_app
from gpu_endpoint.errors import SlowBodyError
from gpu_endpoint.models.heads import text_head
from gpu_endpoint.models.ports import Head, Task, Vectors
from gpu_endpoint.registry import Registry
from gpu_endpoint.server import JsonLines
from gpu_endpoint.settings import EndpointSettings
from sightline.contracts.inference import ATTRIBUTES_HEADER, JSON, MAX_BODY_BYTES, PROBLEM, Call, Problem
from sightline.contracts.inference_answers import ClassesAnswer, EntitiesAnswer

pytestmark = pytest.mark.component


class Lengths:
    """Embeds a text by its length; stands still while the gate is shut; breaks on the words it is told to."""

    model_id, revision, precision, dim = "lengths", "r1", "none", 4

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.began = threading.Semaphore(0)
        self.batches: list[int] = []
        self.tasks: dict[Task, Head] = {"embed_text": text_head(self)}

    def prepare_texts(self, texts: Sequence[str]) -> Sequence[Any]:
        return texts

    def forward_texts(self, prepared: Sequence[Any], /) -> Vectors:
        self.batches.append(len(prepared))
        self.began.release()
        assert self.gate.wait(20)
        if "break" in prepared:
            raise ArithmeticError("as told")
        rows = np.zeros((len(prepared), self.dim), np.float32)
        rows[:, 0] = [np.nan if text == "nan" else 1 for text in prepared]
        return rows


class Capitals:
    """Calls every word in capitals a service, and a text critical when it has one."""

    model_id, revision, precision, dim = "capitals", "r1", "none", None

    def __init__(self) -> None:
        self.may_prepare = threading.Event()
        self.may_prepare.set()

        def prepare(texts: Sequence[str]) -> list[list[str]]:
            assert self.may_prepare.wait(20)
            return [text.split() for text in texts]

        def head(task: Task, finish: Callable[..., Any]) -> Head:
            return Head(
                task=task,
                lane="texts",
                prepare=prepare,
                forward=lambda items: [[word.isupper() for word in words] for words in items],
                finish=finish,
                example=lambda: ("a DB",),
                size=len,
                vectors=False,
            )

        self.tasks: dict[Task, Head] = {
            "tag_entities": head("tag_entities", self.entities),
            "classify": head("classify", self.classes),
        }

    @staticmethod
    def entities(texts: Sequence[str], items: Sequence[list[str]], rows: Sequence[list[bool]]) -> list[Any]:
        found = []
        for text, words, flags in zip(texts, items, rows, strict=True):
            places = [(text.index(word), word) for word, flag in zip(words, flags, strict=True) if flag]
            found.append(
                [
                    {"label": "service", "start": start, "end": start + len(word), "text": word}
                    | {"confidence": 0.9, "source": "model"}
                    for start, word in places
                ]
            )
        return found

    @staticmethod
    def classes(_texts: Sequence[str], _items: Any, rows: Sequence[list[bool]]) -> list[Any]:
        labels = ["critical" if any(row) else "info" for row in rows]
        return [
            {"severity": {"label": label, "confidence": 0.8, "scores": {label: 0.8, "other": 0.2}}}
            for label in labels
        ]


@asynccontextmanager
async def served(model: Any, **settings: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Registry]]:
    registry = Registry(EndpointSettings(image_model=model.model_id, **settings))
    registry.serve([model])
    app = create_app(registry)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://endpoint") as client,
    ):
        yield client, registry


def run(
    model: Any, scenario: Callable[[httpx.AsyncClient, Registry], Awaitable[None]], **settings: Any
) -> None:
    async def main() -> None:
        async with served(model, **settings) as (client, registry):
            await asyncio.wait_for(scenario(client, registry), 30)

    asyncio.run(main())


@pytest.fixture
def lengths() -> Iterator[Lengths]:
    made = Lengths()
    yield made
    made.gate.set()


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the endpoint logged, as CloudWatch gets it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    log = logging.getLogger("gpu_endpoint")
    log.addHandler(handler)
    level = log.level
    log.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    log.setLevel(level)
    log.removeHandler(handler)


async def ask(
    client: httpx.AsyncClient, texts: list[str], task: str = "embed_text", **headers: str
) -> httpx.Response:
    return await client.post("/invocations", json={"task": task, "texts": texts}, headers=headers)


def patient(deadline_ms: int = 20_000, **more: str) -> dict[str, str]:
    return {ATTRIBUTES_HEADER: Call(deadline_ms=deadline_ms, **more).to_attributes()}


def test_nothing_is_ready_until_a_default_model_can_answer(lengths: Lengths) -> None:
    async def scenario() -> None:
        registry = Registry(EndpointSettings(image_model=lengths.model_id))
        app = create_app(registry)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://endpoint") as client,
        ):
            assert (await client.get("/ping")).status_code == 503
            refused = await ask(client, ["a van"])
            assert (refused.status_code, refused.json()["code"]) == (503, "not-ready")
            assert int(refused.headers["retry-after"]) >= 1
            registry.serve([lengths])
            assert (await client.get("/ping")).status_code == 200
            registry.route({}, {})
            assert (await client.get("/ping")).status_code == 503, "none is the default of anything any more"

    asyncio.run(scenario())


def test_a_model_that_hangs_is_not_called_well(lengths: Lengths) -> None:
    async def scenario(client: httpx.AsyncClient, _: Registry) -> None:
        lengths.gate.clear()
        hanging = asyncio.ensure_future(ask(client, ["never"]))
        await asyncio.to_thread(lengths.began.acquire)
        while (await client.get("/ping")).status_code == 200:
            await asyncio.sleep(0)
        assert (await hanging).json()["code"] == "deadline-passed"
        lengths.gate.set()
        while (await client.get("/ping")).status_code != 200:
            await asyncio.sleep(0)

    run(lengths, scenario, endpoint_deadline_s=0.05)


def test_entities_come_with_who_found_them() -> None:
    async def scenario(client: httpx.AsyncClient, _: Registry) -> None:
        answer = await ask(client, ["disk full on DB 3", "all well"], "tag_entities")
        said = EntitiesAnswer.model_validate_json(answer.content)
        assert said.model_dump(include={"model", "revision", "precision", "dim"}) == {
            "model": "capitals", "revision": "r1", "precision": "none", "dim": None,
        }  # fmt: skip
        assert [[(one.label, one.text, one.start) for one in found] for found in said.entities] == [
            [("service", "DB", 13)],
            [],
        ]

    run(Capitals(), scenario)


def test_classes_come_per_axis() -> None:
    async def scenario(client: httpx.AsyncClient, _: Registry) -> None:
        said = ClassesAnswer.model_validate_json((await ask(client, ["DB down", "fine"], "classify")).content)
        assert [axes["severity"].label for axes in said.classes] == ["critical", "info"]
        assert said.classes[0]["severity"].scores == {"critical": 0.8, "other": 0.2}

    run(Capitals(), scenario)


def test_more_windows_than_a_lane_holds_are_refused_for_good() -> None:
    model = Capitals()
    model.tasks["tag_entities"] = replace(
        model.tasks["tag_entities"], prepare=lambda texts: [[word] for text in texts for word in text.split()]
    )

    async def scenario(client: httpx.AsyncClient, _: Registry) -> None:
        refused = await ask(client, ["a " * 40, "b " * 40], "tag_entities")
        assert (refused.status_code, refused.json()["code"]) == (413, "payload-too-large")
        assert "at least 80 texts, windows of long texts or pictures" in refused.json()["detail"]
        assert not refused.json()["retryable"]
        assert "retry-after" not in refused.headers

    run(model, scenario, endpoint_max_queued=64)


def test_a_dimension_cannot_be_pinned_where_there_is_none() -> None:
    async def scenario(client: httpx.AsyncClient, _: Registry) -> None:
        refused = await client.post("/invocations", json={"task": "classify", "texts": ["a"], "dim": 384})
        assert (refused.status_code, refused.json()["code"]) == (409, "model-mismatch")
        other = await ask(client, ["a"], "embed_document")
        assert (other.status_code, other.json()["code"]) == (409, "model-mismatch")

    run(Capitals(), scenario)


@pytest.mark.parametrize("word", ["break", "nan"])
def test_a_model_that_fails_is_a_plain_500_and_the_server_lives_on(lengths: Lengths, word: str) -> None:
    async def scenario(client: httpx.AsyncClient, _: Registry) -> None:
        failed = await ask(client, [word], **{"x-request-id": "mine"})
        problem = Problem.model_validate_json(failed.content)
        assert (failed.status_code, failed.headers["content-type"]) == (500, PROBLEM)
        assert (problem.code, problem.request_id, problem.retryable) == ("internal-error", "mine", True)
        assert "as told" not in failed.text
        assert (await ask(client, ["fine"])).status_code == 200

    run(lengths, scenario)


def test_a_failing_request_leaves_those_beside_it_alone(lengths: Lengths) -> None:
    async def scenario(client: httpx.AsyncClient, registry: Registry) -> None:
        lengths.gate.clear()
        first = asyncio.ensure_future(ask(client, ["first"], **patient()))
        await asyncio.to_thread(lengths.began.acquire)
        beside = [asyncio.ensure_future(ask(client, [text], **patient())) for text in ("a", "break", "b")]
        await until(lambda: len(lane(registry)) == 3)
        lengths.gate.set()
        assert [(await one).status_code for one in (first, *beside)] == [200, 200, 500, 200]

    run(lengths, scenario)


def lane(registry: Registry) -> Any:
    return registry.residents()[0].lanes["embed_text"]


async def until(true: Callable[[], bool]) -> None:
    """Lets the loop turn until it is so."""
    while not true():
        await asyncio.sleep(0)


def test_a_caller_s_deadline_is_kept_and_what_is_late_is_never_run(lengths: Lengths) -> None:
    async def scenario(client: httpx.AsyncClient, _: Registry) -> None:
        lengths.gate.clear()
        first = asyncio.ensure_future(ask(client, ["first"], **patient()))
        await asyncio.to_thread(lengths.began.acquire)
        late = await ask(client, ["late"], **patient(30))
        assert (late.status_code, late.json()["code"]) == (503, "deadline-passed")
        assert int(late.headers["retry-after"]) >= 1
        assert not first.done()
        lengths.gate.set()
        await first
        assert lengths.batches == [1]

    run(lengths, scenario)


def test_what_cannot_be_answered_in_time_is_told_when_to_come_back(lengths: Lengths) -> None:
    async def scenario(client: httpx.AsyncClient, registry: Registry) -> None:
        gate = lane(registry).gate
        for size in (1, 8) * 10:
            gate.pace.note(size, size * 1.0, items=size)  # a second an item, so far
        refused = await ask(client, ["a", "b", "c"], **patient(2_000))
        assert (refused.status_code, refused.json()["code"]) == (429, "overloaded")
        assert refused.json()["retryable"]
        assert refused.json()["retry_after_s"] >= 3
        assert int(refused.headers["retry-after"]) >= 3
        assert (await ask(client, ["a"], **patient(2_000))).status_code == 200

    run(lengths, scenario)


def test_a_caller_that_hangs_up_leaves_the_queue(lengths: Lengths) -> None:
    async def scenario(client: httpx.AsyncClient, registry: Registry) -> None:
        lengths.gate.clear()
        first = asyncio.ensure_future(ask(client, ["first"], **patient()))
        await asyncio.to_thread(lengths.began.acquire)
        hang_up = asyncio.Event()
        gone = asyncio.ensure_future(hanging(create_app(registry), hang_up))
        await until(lambda: len(lane(registry)) == 1)
        hang_up.set()
        assert await gone == [], "nothing is sent to nobody"
        assert len(lane(registry)) == 0
        lengths.gate.set()
        await first
        assert lengths.batches == [1]

    run(lengths, scenario)


async def hanging(app: Any, hang_up: asyncio.Event) -> list[Any]:
    """A request whose caller closes the connection; answers what was sent to it."""

    async def gone() -> Any:
        await hang_up.wait()
        return {"type": "http.disconnect"}

    return await in_parts(app, b'{"texts": ["gone"]}', gone, more=False)


async def in_parts(
    app: Any, first: bytes, then: Callable[[], Awaitable[Any]], *, more: bool = True, **call: Any
) -> list[Any]:
    """A request of which this has come, and what comes then; answers what was sent to its caller."""
    sent: list[Any] = []
    messages = [{"type": "http.request", "body": first, "more_body": more}]

    async def receive() -> Any:
        return messages.pop() if messages else await then()

    async def send(message: Any) -> None:
        sent.append(message)

    attributes = Call(**({"deadline_ms": 20_000} | call)).to_attributes().encode()
    headers = [(b"content-type", JSON.encode()), (ATTRIBUTES_HEADER.lower().encode(), attributes)]
    if more:
        headers.append((b"content-length", b"%d" % MAX_BODY_BYTES))
    scope = {"type": "http", "method": "POST", "path": "/invocations", "headers": headers}
    await app(scope, receive, send)
    return sent


def refusal_in(sent: list[Any]) -> tuple[int, str]:
    """The status and the code of an answer."""
    head, body = sent
    return head["status"], Problem.model_validate_json(body["body"]).code


def test_a_body_that_does_not_come_is_not_waited_for_past_the_deadline(lengths: Lengths) -> None:
    async def scenario(client: httpx.AsyncClient, registry: Registry) -> None:
        app = create_app(registry)
        never = asyncio.Event()
        for _ in range(2):  # the first gave its place back
            sent = await in_parts(app, b"{", never.wait, deadline_ms=30)
            assert refusal_in(sent) == (503, "deadline-passed")

    run(lengths, scenario, endpoint_max_requests=1)


def test_a_body_that_comes_too_slowly_is_a_problem_of_its_own(lengths: Lengths) -> None:
    async def scenario(client: httpx.AsyncClient, registry: Registry) -> None:
        async def too_slow() -> None:
            raise SlowBodyError

        sent = await in_parts(create_app(registry), b"{", too_slow)
        assert refusal_in(sent) == (408, "request-timeout")

    run(lengths, scenario)


def test_bytes_that_are_only_announced_take_no_room(lengths: Lengths) -> None:
    async def scenario(client: httpx.AsyncClient, registry: Registry) -> None:
        app, never = create_app(registry), asyncio.Event()
        coming = [asyncio.ensure_future(in_parts(app, b"{", never.wait)) for _ in range(3)]
        await asyncio.sleep(0)
        good = await in_parts(app, b'{"texts": ["a"]}', never.wait, more=False)
        assert good[0]["status"] == 200
        for one in coming:
            one.cancel()

    run(lengths, scenario, endpoint_max_held_mb=6)


def test_items_are_prepared_under_the_deadline_too() -> None:
    async def scenario(client: httpx.AsyncClient, registry: Registry) -> None:
        model.may_prepare.clear()
        late = await ask(client, ["late"], "tag_entities", **patient(30))
        assert (late.status_code, late.json()["code"]) == (503, "deadline-passed")
        model.may_prepare.set()
        assert (await ask(client, ["in time"], "tag_entities", **patient())).status_code == 200

    model = Capitals()
    run(model, scenario)


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    """A body that does not say how long it will be."""
    for start in range(0, len(body), 100_000):
        yield body[start : start + 100_000]


def test_bodies_in_hand_are_bounded_in_bytes(lengths: Lengths) -> None:
    async def scenario(client: httpx.AsyncClient, _: Registry) -> None:
        lengths.gate.clear()
        first = asyncio.ensure_future(ask(client, ["x" * 10_000], **patient()))
        await asyncio.to_thread(lengths.began.acquire)
        body = b" " * (MAX_BODY_BYTES - 8_000)
        for content in (body, in_pieces(body)):
            refused = await client.post("/invocations", content=content, headers={"content-type": JSON})
            assert (refused.status_code, refused.json()["code"]) == (429, "overloaded")
        second = asyncio.ensure_future(ask(client, ["a"], **patient()))
        lengths.gate.set()
        assert [(await one).status_code for one in (first, second)] == [200, 200]
        for content in (body, in_pieces(body)):
            read = await client.post("/invocations", content=content, headers={"content-type": JSON})
            assert (read.status_code, read.json()["code"]) == (400, "malformed-request")

    run(lengths, scenario, endpoint_max_held_mb=6)


def test_every_line_of_the_log_names_its_request(
    lengths: Lengths, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    async def scenario(client: httpx.AsyncClient, _: Registry) -> None:
        await ask(client, ["a secret text"], **patient(request_id="good-1"))
        await ask(client, [" "], **{"x-request-id": "bad-1"})
        await ask(client, ["break"], **{"x-request-id": "broken-1"})

    run(lengths, scenario, endpoint_log_requests=True)
    said = {line["request_id"]: line for line in lines() if "request_id" in line}
    assert said["good-1"]["message"] == "answered"
    assert {"task", "model", "took_ms", "decode_ms", "wait_ms", "forward_ms"} <= set(said["good-1"])
    assert (said["bad-1"]["message"], said["bad-1"]["code"]) == ("refused", "validation-failed")
    assert said["broken-1"]["message"] == "failed"
    assert "ArithmeticError" in said["broken-1"]["exception"]
    assert "secret" not in json.dumps(lines())


def test_metrics_go_to_the_log_at_the_end_at_the_latest(
    lengths: Lengths, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    async def scenario(client: httpx.AsyncClient, _: Registry) -> None:
        await ask(client, ["a"])

    run(lengths, scenario, endpoint_metrics_s=3600)
    [line] = [line for line in lines() if "_aws" in line]
    assert (line["task"], line["model"], line["Answered"]) == ("embed_text", "lengths", 1)
