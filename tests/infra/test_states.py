"""The state machines: what is retried, what is caught, and that no one has to guess a class name."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra_cdk import media_states
from sightline.errors import every_error

pytestmark = pytest.mark.infra

STEPS = media_states.Steps(
    probe_media="probe_media",
    extract_frames="extract_frames",
    embed_frames="embed_frames",
    finish_asset="finish_asset",
    fail_asset="fail_asset",
)
MEDIA = media_states.media(steps=STEPS, batch_machine="batch", batches_at_once=2)
BATCH = media_states.media_batch(steps=STEPS)


def states_of(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state, also inside Maps."""
    for name, state in machine["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from states_of(state["ItemProcessor"])


def tasks() -> list[tuple[str, dict[str, Any]]]:
    """Every task of both machines."""
    return [(n, s) for machine in (MEDIA, BATCH) for n, s in states_of(machine) if s["Type"] == "Task"]


def delays_s(retry: dict[str, Any]) -> list[float]:
    """Seconds before each further attempt."""
    first, rate, most = retry["IntervalSeconds"], retry["BackoffRate"], retry["MaxDelaySeconds"]
    return [min(first * rate**attempt, most) for attempt in range(retry["MaxAttempts"])]


def test_errors_that_stay_are_the_classes_that_say_so() -> None:
    permanent = {error.__name__ for error in every_error() if not error.retryable}
    assert set(media_states.PERMANENT_ERRORS) == permanent


@pytest.mark.parametrize(("name", "task"), tasks(), ids=[name for name, _ in tasks()])
def test_every_task_retries_with_backoff(name: str, task: dict[str, Any]) -> None:
    last = task["Retry"][-1]
    assert last["MaxAttempts"] >= 3
    assert last["BackoffRate"] > 1
    if "lambda:invoke" in task["Resource"]:
        never = {*media_states.PERMANENT_ERRORS, *media_states.MISTAKES}
        assert (set(task["Retry"][0]["ErrorEquals"]), task["Retry"][0]["MaxAttempts"]) == (never, 0)
        assert last["ErrorEquals"] == ["States.ALL"]


def test_an_endpoint_may_be_away_for_five_minutes() -> None:
    embed = dict(states_of(BATCH))["EmbedFrames"]
    (retry,) = [r for r in embed["Retry"] if r["ErrorEquals"] == ["EndpointUnavailableError"]]
    assert retry["MaxAttempts"] >= 10
    assert sum(delays_s(retry)) >= 300


def test_whatever_fails_is_told_to_the_asset() -> None:
    working = {n: s for n, s in MEDIA["States"].items() if s["Type"] in ("Task", "Map") and n != "FailAsset"}
    assert set(working) == {"ProbeMedia", "IndexBatches", "FinishAsset"}
    for state in working.values():
        (catch,) = state["Catch"]
        assert (catch["ErrorEquals"], catch["Next"]) == (["States.ALL"], "FailAsset")
    assert MEDIA["States"]["FailAsset"]["Next"] == "Failed"
    assert MEDIA["States"]["Failed"]["Type"] == "Fail"


def test_a_long_video_stays_below_the_limits_of_one_execution() -> None:
    events_of_a_sheet = 5 + 2  # iteration started and succeeded, task scheduled, started and so on
    sheets = media_states.SHEETS_AT_ONCE * 50
    assert sheets == 200
    assert sheets * events_of_a_sheet * 13 < 25_000, "even if every sheet were tried 13 times"


def test_the_template_holds_these_machines(template: Any) -> None:
    definitions = [
        json.dumps(m["DefinitionString"]) for m in template.properties("AWS::StepFunctions::StateMachine")
    ]
    assert len(definitions) == 4
    for name in (
        "ProbeMedia",
        "IndexBatches",
        "FinishAsset",
        "FailAsset",
        "ExtractFrames",
        "EmbedFrames",
        "WriteExport",
        "FetchObjects",
    ):
        assert sum(f'\\"{name}\\"' in definition for definition in definitions) >= 1
    for machine in template.properties("AWS::StepFunctions::StateMachine"):
        assert machine["LoggingConfiguration"]["Level"] == "ALL"
        assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
        assert machine["TracingConfiguration"] == {"Enabled": True}


def test_each_machine_calls_its_own_functions_only(template: Any) -> None:
    functions = template.of("AWS::Lambda::Function")
    called = []
    for machine in template.properties("AWS::StepFunctions::StateMachine"):
        statements = template.statements(machine["RoleArn"]["Fn::GetAtt"][0])
        (invoke,) = [s for s in statements if s["Action"] == "lambda:InvokeFunction"]
        called.append(
            {
                functions[r["Fn::GetAtt"][0]]["Properties"]["Environment"]["Variables"][
                    "POWERTOOLS_SERVICE_NAME"
                ]
                for r in invoke["Resource"]
            }
        )
    assert sorted(map(sorted, called)) == [
        ["embed_frames", "extract_frames"],
        ["fail_asset", "finish_asset", "probe_media"],
        ["fail_export", "write_export"],
        ["fail_import", "fetch_objects", "list_import"],
    ]
