"""Queues and state machines: one bad message never fails its neighbours, and errors keep their names."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from sightline.batch import queue_handler, schedule_handler, task_handler
from sightline.errors import DatabaseUnavailableError, EndpointUnavailableError, UnreadableMediaError

pytestmark = pytest.mark.unit
LOST = DatabaseUnavailableError()


@dataclass
class Context:
    """What Lambda passes beside the event."""

    function_name: str = "tests"
    memory_limit_in_mb: int = 128
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:000000000000:function:tests"
    aws_request_id: str = "1"


def message(number: int, body: str) -> dict[str, Any]:
    return {"messageId": str(number), "body": body, "eventSource": "aws:sqs", "receiptHandle": "r"}


def test_only_failed_messages_come_again() -> None:
    done: list[Mapping[str, Any]] = []

    def work(body: Mapping[str, Any]) -> None:
        if body["n"] == 2:
            raise EndpointUnavailableError
        if body["n"] == 3:
            raise KeyError("unexpected")
        done.append(body)

    bodies = [json.dumps({"n": n}) for n in range(5)] + ["not json", "[]", "null", '"text"']
    event = {"Records": [message(n, body) for n, body in enumerate(bodies)]}
    answer = queue_handler(work)(event, Context())
    failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
    assert failed == {"2", "3", "5", "6", "7", "8"}
    assert [body["n"] for body in done] == [0, 1, 4]


def test_a_message_that_failed_comes_again_at_a_time_of_its_own() -> None:
    failing = {"unavailable": EndpointUnavailableError(), "unforeseen": KeyError("x"), "claimed": LOST}
    came: list[tuple[str, int]] = []

    def work(body: Mapping[str, Any]) -> None:
        if body["n"] in failing:
            raise failing[body["n"]]

    def record(name: str, times: int) -> dict[str, Any]:
        body = json.dumps({"n": name})
        return message(times, body) | {
            "receiptHandle": name,
            "attributes": {"ApproximateReceiveCount": str(times)},
        }

    handler = queue_handler(work, again=lambda receipt, times: came.append((receipt, times)))
    records = [record(name, times) for times, name in enumerate(["fine", *failing], 1)]
    answer = handler({"Records": records}, Context())
    assert {item["itemIdentifier"] for item in answer["batchItemFailures"]} == {"2", "3", "4"}
    assert came == [("unavailable", 2), ("unforeseen", 3)], "without a database nothing was given back"


def test_a_batch_that_fails_whole_is_named_whole() -> None:
    def work(_: Mapping[str, Any]) -> None:
        raise EndpointUnavailableError

    event = {"Records": [message(n, "{}") for n in range(3)]}
    answer = queue_handler(work)(event, Context())
    assert len(answer["batchItemFailures"]) == 3


def test_a_second_batch_starts_clean() -> None:
    def work(body: Mapping[str, Any]) -> None:
        if body.get("bad"):
            raise EndpointUnavailableError

    handler = queue_handler(work)
    assert handler({"Records": [message(1, '{"bad": true}')]}, Context())["batchItemFailures"]
    assert handler({"Records": [message(2, "{}")]}, Context()) == {"batchItemFailures": []}


def test_a_task_takes_keywords_and_its_error_keeps_its_class() -> None:
    def work(*, asset_id: str, run: int) -> dict[str, int]:
        if run == 0:
            raise UnreadableMediaError("no moov atom")
        if run < 0:
            raise ValueError("unexpected")
        return {"frames": run}

    handler = task_handler(work)
    assert handler({"asset_id": "a", "run": 3}, Context()) == {"frames": 3}
    with pytest.raises(UnreadableMediaError, match="no moov atom"):
        handler({"asset_id": "a", "run": 0}, Context())
    with pytest.raises(ValueError, match="unexpected"):
        handler({"asset_id": "a", "run": -1}, Context())
    assert task_handler(lambda **_: None)({"asset_id": "a"}, Context()) == {}


def test_scheduled_work_answers_what_it_did(caplog: pytest.LogCaptureFixture) -> None:
    assert schedule_handler(lambda: {"swept": 2})({"time": "now"}, Context()) == {"swept": 2}
    assert schedule_handler(lambda: None)({}, Context()) == {}

    def broken() -> None:
        raise RuntimeError("unexpected")

    with pytest.raises(RuntimeError):
        schedule_handler(broken)({}, Context())
    assert "scheduled work failed" in caplog.text
