"""Lambda in the emulator keeps AWS's limits, in real Lambda runtimes."""

import json
import statistics
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.emulator_process import EmulatorProcess, function
from tests.running_cloud import wait_until

pytestmark = pytest.mark.contract

SOURCE = """
import os, time

def handler(event, context):
    match event:
        case {"raise": message}:
            raise ValueError(message)
        case {"sleep_s": seconds}:
            time.sleep(seconds)
        case {"eat_mb": size}:
            held = bytearray(size * 2**20)
            time.sleep(5)
        case {"return_bytes": size}:
            return "x" * size
        case {"exit": status}:
            os._exit(status)
    return {
        "event": event,
        "pid": os.getpid(),
        "environment": dict(os.environ),
        "remaining_ms": context.get_remaining_time_in_millis(),
        "request_id": context.aws_request_id,
    }
"""


@pytest.fixture(scope="module")
def probe(seamed_emulator: EmulatorProcess) -> Any:
    """A deployed function with 192 MB and 2 s."""
    variables = {"OWN": "1", "SIGHTLINE_DATABASE_SECRET_ARN": "arn:of:a:secret"}
    properties = {"MemorySize": 192, "Timeout": 2, "Environment": {"Variables": variables}}
    seamed_emulator.deploy(
        "Probe", resources={"Probe": function("probe", **properties)}, functions={"probe": SOURCE}
    )
    client = seamed_emulator.aws("lambda")

    def call(event: Mapping[str, Any]) -> tuple[str | None, Any]:
        answer = client.invoke(FunctionName="probe", Payload=json.dumps(event))
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())

    return call


def test_runs_in_a_worker_process_with_a_clean_environment(probe: Any) -> None:
    error, answer = probe({"a": 1})

    assert error is None
    assert answer["event"] == {"a": 1}
    environment = answer["environment"]
    assert environment["AWS_EXECUTION_ENV"].startswith("AWS_Lambda_python")
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "probe"
    assert environment["OWN"] == "1"
    assert environment["AWS_ENDPOINT_URL"].startswith("http://localhost:")
    assert environment["SIGHTLINE_DATABASE_URL"] == "postgresql://app@127.0.0.1:9/none"
    assert "SIGHTLINE_OWNER_DATABASE_URL" not in environment, "it was not given the owner's secret"
    assert not [name for name in environment if name.startswith(("MINISTACK", "GATEWAY", "PYTEST"))]


def test_a_warm_call_is_quick_and_reuses_its_process(probe: Any) -> None:
    first = probe({})[1]["pid"]
    took_ms = []
    for _ in range(20):
        started = time.perf_counter()
        assert probe({})[1]["pid"] == first
        took_ms.append((time.perf_counter() - started) * 1000)

    assert statistics.median(took_ms) < 60, "Nagle's algorithm alone costs 90 ms a call"


def test_an_exception_is_an_unhandled_error_with_its_class(probe: Any) -> None:
    error, answer = probe({"raise": "no"})

    assert error == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("ValueError", "no")


def test_the_time_out_ends_the_call(probe: Any) -> None:
    started = time.monotonic()
    error, answer = probe({"sleep_s": 30})

    assert error == "Unhandled"
    assert answer["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 2.00 seconds" in answer["errorMessage"]
    assert time.monotonic() - started < 10
    assert probe({})[0] is None, "the next call gets a new process"


def test_the_memory_limit_ends_the_process(probe: Any, seamed_emulator: EmulatorProcess) -> None:
    error, answer = probe({"eat_mb": 400})

    assert error == "Unhandled"
    assert answer["errorType"] == "Runtime.ExitError"
    assert "SIGKILL" in answer["errorMessage"]
    assert "Runtime.OutOfMemory" in (seamed_emulator.folder / "logs" / "probe.log").read_text()


def test_a_process_that_leaves_is_an_error(probe: Any) -> None:
    error, answer = probe({"exit": 3})

    assert error == "Unhandled"
    assert answer["errorMessage"].endswith("Runtime exited with error: exit status 3")


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"padding": "x" * 6_300_000}, "RequestEntityTooLargeException"),
        ({"return_bytes": 6_300_000}, "Function.ResponseSizeTooLarge"),
    ],
)
def test_payloads_over_6_mb_are_refused(probe: Any, event: dict[str, Any], kind: str) -> None:
    error, answer = probe(event)

    assert error == "Unhandled"
    assert answer["errorType"] == kind


def test_a_module_that_cannot_be_imported_says_so(seamed_emulator: EmulatorProcess) -> None:
    seamed_emulator.deploy(
        "Broken", resources={"Broken": function("broken")}, functions={"broken": "import no_such_module"}
    )
    answer = seamed_emulator.aws("lambda").invoke(FunctionName="broken", Payload=b"{}")

    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "Runtime.ImportModuleError"


def test_an_edit_shows_at_the_next_call(seamed_emulator: EmulatorProcess) -> None:
    source = "def handler(event, context):\n    return 'before'\n"
    seamed_emulator.deploy("Edited", resources={"Edited": function("edited")}, functions={"edited": source})
    client = seamed_emulator.aws("lambda")

    def answer() -> str:
        return str(json.loads(client.invoke(FunctionName="edited", Payload=b"{}")["Payload"].read()))

    assert answer() == "before"
    seamed_emulator.write_function("edited", source.replace("before", "after"))

    wait_until(lambda: answer() == "after", timeout_s=10, what="the edited answer")


def test_every_call_is_logged_in_a_file_of_the_function(probe: Any, seamed_emulator: EmulatorProcess) -> None:
    request_id = probe({})[1]["request_id"]
    log = (seamed_emulator.folder / "logs" / "probe.log").read_text()

    assert f"START RequestId: {request_id}" in log
    assert f"REPORT RequestId: {request_id}\tDuration: " in log
