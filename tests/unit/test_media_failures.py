"""From an error of the state machine to words for an asset's owner."""

import json

import pytest

from sightline.media.failures import FAILURE_CODES, Failure, failure_of, unreadable

pytestmark = pytest.mark.unit


def of_function(error: str, message: str) -> dict[str, str]:
    return {
        "Error": error,
        "Cause": json.dumps({"errorType": error, "errorMessage": message, "stackTrace": []}),
    }


def in_child(error: dict[str, str]) -> dict[str, str]:
    cause = {"ExecutionArn": "arn:aws:states:::execution:x", "Status": "FAILED", **error}
    return {"Error": "States.TaskFailed", "Cause": json.dumps(cause)}


@pytest.mark.parametrize("code", FAILURE_CODES)
def test_a_refusal_survives_the_state_machine(code: str) -> None:
    error = unreadable(code, "Because: of this.")
    thrown = of_function(type(error).__name__, str(error))
    assert failure_of(thrown) == failure_of(in_child(thrown)) == Failure(code, "Because: of this.")


def test_a_refusal_without_words_gets_the_usual_ones() -> None:
    error = unreadable("empty-file")
    assert failure_of(of_function("UnreadableMediaError", str(error))) == Failure(
        "empty-file", FAILURE_CODES["empty-file"]
    )


def test_a_known_error_is_told_by_its_slug() -> None:
    failure = failure_of(of_function("EndpointUnavailableError", "connection refused to 10.0.0.1"))
    assert failure == Failure("endpoint-unavailable", FAILURE_CODES["endpoint-unavailable"])


@pytest.mark.parametrize(
    "error",
    [
        of_function("KeyError", "'password'"),
        of_function("InternalError", "host db.internal"),
        {"Error": "States.Timeout", "Cause": ""},
        {"Error": "Lambda.Unknown", "Cause": "not JSON"},
        {"Error": "X", "Cause": "[1]"},
        {"Error": "X", "Cause": "{}"},
        {},
    ],
)
def test_an_unknown_error_tells_nothing_of_our_insides(error: dict[str, str]) -> None:
    assert failure_of(error) == Failure("internal-error", FAILURE_CODES["internal-error"])


def test_a_reason_is_bounded_and_an_unknown_code_is_not_believed() -> None:
    assert len(failure_of(of_function("UnreadableMediaError", "not-a-video: " + "x" * 9999)).reason) == 500
    assert failure_of(of_function("UnreadableMediaError", "made-up: x")).code == "unreadable-media"
    assert failure_of(of_function("UnreadableMediaError", "")).reason
