"""Metrics for CloudWatch: lines in the embedded metric format, as Powertools writes them."""

import json
from typing import Any

import pytest
from aws_lambda_powertools import Metrics as Powertools
from aws_lambda_powertools.metrics import MetricUnit

from gpu_endpoint.emf import SAMPLES
from gpu_endpoint.metrics import Metrics
from gpu_endpoint.tickets import Timing
from gpu_endpoint.visits import Visit

pytestmark = pytest.mark.unit


async def nothing() -> Any:
    raise AssertionError("the body is not read here")


def visit(task: str = "embed_text", model: str = "m") -> Visit:
    made = Visit({"type": "http", "path": "/invocations", "headers": []}, nothing)
    made.task, made.model, made.decode_s = task, model, 0.001
    made.timing = Timing(queued=10.0, cut=10.002, done=10.010, batch=4)
    return made


def counted() -> Metrics:
    metrics = Metrics(lambda: [("embed_text", "m", 7)])
    for status in (200, 200, 429, 503, 422, 500):
        metrics.answered(visit(), status, 0.02)
    metrics.ran("embed_text", "m", 4, 0.008)
    return metrics


def test_a_line_has_the_members_that_powertools_writes(capsys: pytest.CaptureFixture[str]) -> None:
    theirs = Powertools(namespace="Sightline", service="inference")
    theirs.add_metric("Answered", MetricUnit.Count, 1)
    expected = theirs.serialize_metric_set()
    [line] = counted().emf_lines()
    ours = json.loads(json.dumps(line))
    assert set(ours["_aws"]) == set(expected["_aws"])
    [about], [their_about] = ours["_aws"]["CloudWatchMetrics"], expected["_aws"]["CloudWatchMetrics"]
    assert set(about) == set(their_about)
    assert about["Namespace"] == "Sightline"
    assert {"Name", "Unit"} <= set(about["Metrics"][0])
    for dimension in about["Dimensions"][0]:
        assert isinstance(ours[dimension], str)
    for metric in about["Metrics"]:
        assert metric["Unit"] in {unit.value for unit in MetricUnit}
        assert ours[metric["Name"]] is not None


def test_requests_are_counted_by_how_they_ended_and_timed_by_stage() -> None:
    [line] = counted().emf_lines()
    assert {name: line[name] for name in ("Answered", "TurnedAway", "Refused", "Failed")} == {
        "Answered": 2,
        "TurnedAway": 2,
        "Refused": 1,
        "Failed": 1,
    }
    assert (line["service"], line["task"], line["model"]) == ("inference", "embed_text", "m")
    assert (line["Decode"], line["Wait"], line["Forward"]) == ([1.0, 1.0], [2.0, 2.0], [8.0, 8.0])
    assert (line["BatchSize"], line["QueueDepth"], line["Latency"]) == ([4], [7], [20.0] * 6)


def test_each_line_counts_anew_and_what_nobody_asked_says_only_its_queue() -> None:
    metrics = counted()
    metrics.emf_lines()
    [line] = metrics.emf_lines()
    assert line["QueueDepth"] == [7]
    assert "Answered" not in line


def test_a_line_holds_no_more_values_than_cloudwatch_takes() -> None:
    metrics = Metrics(list)
    for number in range(5 * SAMPLES):
        metrics.answered(visit(), 200, number / 1000)
    [line] = metrics.emf_lines()
    latencies = line["Latency"]
    assert isinstance(latencies, list)
    assert len(latencies) == SAMPLES
    assert line["Answered"] == 5 * SAMPLES
    assert max(latencies) > SAMPLES, "the sample is of the whole interval"


def test_revisions_of_a_model_share_a_queue() -> None:
    metrics = Metrics(lambda: [("classify", "m", 2), ("classify", "m", 3)])
    assert b'sightline_queue_items{model="m",task="classify"} 5.0' in metrics.text()
