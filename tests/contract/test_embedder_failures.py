"""What SageMaker Runtime answers when it fails, by its service model, and what we make of it."""

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import Self

import pytest
from botocore.exceptions import ClientError

from gpu_endpoint.answers import RUNTIME_PREFIX, problem_answer
from gpu_endpoint.errors import OverloadedError
from sightline.contracts.inference import ATTRIBUTES_HEADER, NPY, Call, SheetLayout
from sightline.errors import EndpointRefusedError, EndpointUnavailableError, ModelRevisionGoneError
from sightline.providers.circuit import Circuit, Limits
from sightline.providers.sagemaker import SHEETS, TEXTS, SageMakerEmbedder
from sightline.providers.sagemaker_calls import EndpointCalls, Patience

pytestmark = pytest.mark.contract


@dataclass
class Runtime:
    """A stand-in for the service: gives one answer to every call, and counts them."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    missing: int = 0
    """Bytes that are promised and never sent."""
    late_s: float = 0.0
    """How long a caller waits, who does not go `away` before."""
    away: threading.Event = field(default_factory=threading.Event)
    calls: int = 0
    attributes: str = ""
    """What the last call said of itself."""

    def fails(self, status: int, code: str, **members: object) -> None:
        """Answers with one of the service's error shapes."""
        self.status, self.headers = status, {"x-amzn-errortype": code}
        self.body = json.dumps({"Message": "as AWS words it"} | members).encode()


class Hanging:
    """Whoever connects is kept waiting; `calls` are those that did."""

    def __init__(self) -> None:
        self._kept: list[socket.socket] = []
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in (*self._kept, self._door):
            one.close()

    @property
    def calls(self) -> int:
        """How many connected so far."""
        self._door.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                self._kept.append(self._door.accept()[0])
        return len(self._kept)


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    answers = Runtime()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answers.calls += 1
            answers.attributes = self.headers[ATTRIBUTES_HEADER]
            self.rfile.read(int(self.headers["content-length"]))
            if answers.away.wait(answers.late_s):
                return
            self.send_response(answers.status)
            for name, value in answers.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answers.body) + answers.missing))
            self.end_headers()
            self.wfile.write(answers.body)

        def log_message(self, *arguments: object) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", f"http://127.0.0.1:{server.server_port}")
        yield answers
        server.shutdown()


@pytest.fixture
def embedder(runtime: Runtime) -> Iterator[SageMakerEmbedder]:
    with closing(SageMakerEmbedder(endpoint_name="sightline-test", model="scenes-rn-128e")) as made:
        yield made


def problem(detail: str) -> str:
    return json.dumps({"title": "a title", "status": 429, "detail": detail})


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    """A service that takes every call and answers none."""
    with Hanging() as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", f"http://127.0.0.1:{service.port}")
        yield service


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "ModelNotReadyException"),
        (429, "ThrottlingException"),
        (500, "InternalFailure"),
        (503, "ServiceUnavailable"),
        (530, "InternalDependencyException"),
        (400, "ValidationError"),
    ],
)
def test_a_busy_or_missing_service_is_worth_another_try(
    runtime: Runtime, embedder: SageMakerEmbedder, status: int, code: str
) -> None:
    runtime.fails(status, code)
    with pytest.raises(EndpointUnavailableError, match=code):
        embedder.embed_texts(["a car"])


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_busy_model_is_worth_another_try(
    runtime: Runtime, embedder: SageMakerEmbedder, status: int
) -> None:
    runtime.fails(424, "ModelError", OriginalStatusCode=status, OriginalMessage=problem("2048 items wait"))
    with pytest.raises(EndpointUnavailableError, match="2048 items wait"):
        embedder.embed_texts(["a car"])
    assert runtime.calls == 3


def test_a_container_that_hangs_until_sagemaker_gives_up_is_silent_and_refuses_nothing(
    runtime: Runtime,
) -> None:
    said = "Your invocation timed out while waiting for a response from container primary."
    runtime.fails(424, "ModelError", OriginalStatusCode=0, OriginalMessage=said)
    made = SageMakerEmbedder(
        endpoint_name="sightline-test", model="scenes-rn-128e", circuit=Circuit(Limits(silences=2, open_s=60))
    )
    with closing(made) as embedder, pytest.raises(EndpointUnavailableError, match="several times in a row"):
        embedder.embed_texts(["a car"])
    assert runtime.calls == 2


def test_a_wait_longer_than_there_is_time_for_is_the_caller_s(
    runtime: Runtime, embedder: SageMakerEmbedder
) -> None:
    said = problem_answer(RUNTIME_PREFIX, "r1", OverloadedError("a long queue", retry_after_s=60))
    runtime.status, runtime.body = said.status, said.body
    runtime.headers = {"x-amzn-errortype": "ModelError"}
    with pytest.raises(EndpointUnavailableError, match="a long queue") as caught:
        embedder.embed_texts(["a car"])
    assert (runtime.calls, caught.value.retry_after_s) == (1, 60)


def test_the_endpoint_logs_a_call_under_our_trace(
    runtime: Runtime, embedder: SageMakerEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-68a0f3c2-4be1a5d5f6f7a8b9c0d1e2f3;Parent=53995c3f42cd8ad8")
    runtime.fails(424, "ModelError", OriginalStatusCode=422, OriginalMessage="")
    with pytest.raises(EndpointRefusedError):
        embedder.embed_texts(["a car"])
    assert "request_id=1-68a0f3c2-4be1a5d5f6f7a8b9c0d1e2f3" in runtime.attributes.split(";")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=whatever a caller says")
    with pytest.raises(EndpointRefusedError, match="422"):
        embedder.embed_texts(["a van"])
    assert "request_id" not in runtime.attributes


def test_what_does_not_answer_is_not_asked_again_and_again(
    runtime: Runtime, embedder: SageMakerEmbedder
) -> None:
    runtime.fails(424, "ModelError", OriginalStatusCode=503, OriginalMessage=problem("no model is ready"))
    for _ in range(2):
        with pytest.raises(EndpointUnavailableError):
            embedder.embed_texts(["a car"])
    asked = runtime.calls
    with pytest.raises(EndpointUnavailableError, match="several times in a row") as caught:
        embedder.embed_texts(["a car"])
    assert (runtime.calls, caught.value.retry_after_s) == (asked, 2)


@pytest.mark.parametrize("usual", [TEXTS, SHEETS], ids=["texts", "sheets"])
def test_a_call_ends_within_what_its_kind_may_take(usual: Patience, hanging: Hanging) -> None:
    short = replace(usual, within_s=usual.within_s / 200, read_s=usual.read_s / 200)
    made = SageMakerEmbedder(
        endpoint_name="sightline-test",
        model="scenes-rn-128e",
        patience=replace(short, connect_s=0.01),
        circuit=Circuit(Limits(failures=1, open_s=60)),
    )
    with closing(made) as embedder, pytest.raises(EndpointUnavailableError, match="ReadTimeout"):
        embedder.embed_texts(["a car"])
    assert hanging.calls == 1, "another wait of that length would not have ended in time"


def test_whoever_says_nothing_twice_is_not_asked_a_third_time(hanging: Hanging) -> None:
    made = SageMakerEmbedder(
        endpoint_name="sightline-test",
        model="scenes-rn-128e",
        patience=Patience(within_s=60, read_s=0.05, connect_s=1, attempts=9),
        circuit=Circuit(Limits(open_s=60)),
    )
    with closing(made) as embedder, pytest.raises(EndpointUnavailableError, match="several times in a row"):
        embedder.embed_texts(["a car"])
    assert hanging.calls == 2


def test_a_call_waits_no_longer_than_there_is_time_left(runtime: Runtime) -> None:
    runtime.late_s = 5
    made = SageMakerEmbedder(
        endpoint_name="sightline-test",
        model="scenes-rn-128e",
        patience=Patience(within_s=60, read_s=60, connect_s=1),
    )
    with closing(made) as embedder, pytest.raises(EndpointUnavailableError, match="no time left"):
        embedder.embed_texts(["a car"], within_s=8)
    assert runtime.calls == 0, "an eighth of the wait is the shortest that is worth a call"
    patience = Patience(within_s=60, read_s=4, connect_s=0.2)
    made = SageMakerEmbedder(endpoint_name="sightline-test", model="scenes-rn-128e", patience=patience)
    with closing(made) as embedder, pytest.raises(EndpointUnavailableError, match="ReadTimeout"):
        embedder.embed_texts(["a car"], within_s=1.3)
    runtime.away.set()
    assert runtime.calls == 1
    (deadline,) = (one for one in runtime.attributes.split(";") if one.startswith("deadline_ms="))
    assert deadline in ("deadline_ms=450", "deadline_ms=900"), "it is told a time that ends before the wait"


def test_an_answer_that_is_cut_short_is_worth_another_try(
    runtime: Runtime, embedder: SageMakerEmbedder
) -> None:
    runtime.body, runtime.missing = b"\x93NUMPY and no", 1000
    with pytest.raises(EndpointUnavailableError, match=r"IncompleteRead|ResponseStreaming"):
        embedder.embed_texts(["a car"])
    assert runtime.calls == 3


def test_a_probe_that_ends_in_a_way_nobody_foresaw_gives_its_place_back(runtime: Runtime) -> None:
    runtime.fails(503, "ServiceUnavailable")
    patience = Patience(within_s=60, read_s=10, attempts=1)
    calls = EndpointCalls("sightline-test", Circuit(Limits(failures=1, open_s=0)), patience)

    def unforeseen(_: Call) -> str:
        raise RecursionError

    with closing(calls):
        with pytest.raises(EndpointUnavailableError, match="ServiceUnavailable"):
            calls.ask(attributes=Call.to_attributes, Body=b"")
        with pytest.raises(RecursionError):
            calls.ask(attributes=unforeseen, Body=b"")
        with pytest.raises(EndpointUnavailableError, match="ServiceUnavailable"):
            calls.ask(attributes=Call.to_attributes, Body=b"")
    assert runtime.calls == 2


def test_a_full_queue_does_not_open_the_circuit(runtime: Runtime, embedder: SageMakerEmbedder) -> None:
    runtime.fails(424, "ModelError", OriginalStatusCode=429, OriginalMessage=problem("2048 items wait"))
    for _ in range(4):
        with pytest.raises(EndpointUnavailableError, match="2048 items wait"):
            embedder.embed_texts(["a car"])


@pytest.mark.parametrize(
    ("revision", "raised"), [("r1", ModelRevisionGoneError), (None, EndpointRefusedError)]
)
def test_only_who_pins_a_revision_learns_that_it_is_gone(
    runtime: Runtime, embedder: SageMakerEmbedder, revision: str | None, raised: type[Exception]
) -> None:
    said = json.dumps({"detail": "served at r2", "code": "model-mismatch"})
    runtime.fails(424, "ModelError", OriginalStatusCode=409, OriginalMessage=said)
    layout = SheetLayout(columns=1, tile_width=64, tile_height=64, tiles=1)
    with pytest.raises(raised, match="served at r2"):
        embedder.embed_sheet(b"jpeg", layout, revision=revision)
    assert runtime.calls == 1


@pytest.mark.parametrize("said", ['{"detail": "cut sh', "", "[]", "<html>"])
def test_a_refusal_is_final_even_when_its_text_is_cut(
    runtime: Runtime, embedder: SageMakerEmbedder, said: str
) -> None:
    runtime.fails(424, "ModelError", OriginalStatusCode=422, OriginalMessage=said)
    with pytest.raises(EndpointRefusedError, match="422"):
        embedder.embed_texts(["a car"])


def test_a_missing_permission_is_seen_as_it_is(runtime: Runtime, embedder: SageMakerEmbedder) -> None:
    runtime.fails(403, "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        embedder.embed_texts(["a car"])


@pytest.mark.parametrize(
    "headers",
    [{}, {ATTRIBUTES_HEADER: "model=m"}, {ATTRIBUTES_HEADER: "model=m;revision=r;precision=int8;dim=4"}],
)
def test_an_answer_of_another_form_is_not_used(
    runtime: Runtime, embedder: SageMakerEmbedder, headers: dict[str, str]
) -> None:
    runtime.headers, runtime.body = {"Content-Type": NPY} | headers, b"\x93NUMPY not quite"
    with pytest.raises(EndpointRefusedError, match="form"):
        embedder.embed_texts(["a car"])


def test_nobody_listening_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", address)
    made = SageMakerEmbedder(endpoint_name="sightline-test", model="scenes-rn-128e")
    with closing(made) as embedder, pytest.raises(EndpointUnavailableError):
        embedder.embed_texts(["a car"])
