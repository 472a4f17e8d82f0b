"""Both Lambda runtimes, awslambdaric and the one in pure Python, serve a handler the same way."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.runtime_api import Answer, Invocation, RuntimeApi

pytestmark = pytest.mark.contract

HANDLER = """
def handler(event, context):
    if event == "fail":
        raise ValueError("no")
    left_ms = context.get_remaining_time_in_millis()
    arn = context.invoked_function_arn
    return {"event": event, "id": context.aws_request_id, "arn": arn, "left_ms": left_ms}
"""
RUNTIMES = [
    pytest.param(
        "awslambdaric",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("awslambdaric") is None,
            reason="awslambdaric has no wheel for this platform",
        ),
    ),
    "local_cloud.runtime_client",
]


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RuntimeApi]:
    """A Runtime API with a worker of that runtime before it."""
    (tmp_path / "handler.py").write_text(HANDLER)
    api = RuntimeApi()
    process = _start(request.param, "handler.handler", tmp_path, api)
    yield api
    process.kill()
    process.wait()
    api.close()


def _start(runtime: str, handler: str, folder: Path, api: RuntimeApi) -> subprocess.Popen[bytes]:
    environment = os.environ | {"AWS_LAMBDA_RUNTIME_API": api.address, "PYTHONPATH": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-m", runtime, handler],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def ask(api: RuntimeApi, event: Any) -> Answer:
    api.send(
        Invocation(
            request_id="request-1",
            payload=json.dumps(event).encode(),
            deadline_ms=int(time.time() * 1000) + 5000,
            trace_id="Root=1-0-0;Sampled=0",
            function_arn="arn:aws:lambda:us-east-1:000000000000:function:probe",
        )
    )
    answer = api.receive(10)
    assert answer is not None
    return answer


def test_an_event_goes_in_and_an_answer_comes_out(runtime: RuntimeApi) -> None:
    answer = ask(runtime, {"text": "größer"})

    assert not answer.failed
    body = json.loads(answer.payload)
    assert body["event"] == {"text": "größer"}
    assert body["id"] == "request-1"
    assert body["arn"].endswith(":probe")
    assert 0 < body["left_ms"] <= 5000


def test_an_exception_is_a_failed_answer_and_the_worker_goes_on(runtime: RuntimeApi) -> None:
    answer = ask(runtime, "fail")

    assert answer.failed
    described = json.loads(answer.payload)
    assert (described["errorType"], described["errorMessage"]) == ("ValueError", "no")
    assert described["stackTrace"]
    assert not ask(runtime, "again").failed


@pytest.mark.parametrize("runtime_name", RUNTIMES)
def test_a_module_that_cannot_be_imported_fails_the_init_phase(runtime_name: str, tmp_path: Path) -> None:
    api = RuntimeApi()
    process = _start(runtime_name, "nowhere.handler", tmp_path, api)

    assert api.ready.wait(10)
    process.wait(10)
    api.close()

    assert api.init_error is not None
    assert "nowhere" in json.loads(api.init_error)["errorMessage"]
