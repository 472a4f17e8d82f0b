"""Who is woken by what."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

pytestmark = pytest.mark.infra


def watched(template: Any) -> str:
    """Dimensions of every alarm, as text."""
    return json.dumps([a.get("Dimensions", []) for a in template.properties("AWS::CloudWatch::Alarm")])


def test_every_alarm_reaches_the_one_topic(template: Any) -> None:
    (topic,) = template.of("AWS::SNS::Topic")
    for alarm in template.properties("AWS::CloudWatch::Alarm"):
        assert alarm["AlarmActions"] == [{"Ref": topic}]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert "docs/operations.md" in alarm["AlarmDescription"]


def test_every_function_queue_and_machine_is_watched(template: Any) -> None:
    seen = watched(template)
    for kind in ("AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::StepFunctions::StateMachine"):
        assert [name for name in template.of(kind) if f'"{name}"' not in seen] == []


def test_the_api_the_endpoint_and_the_database_are_watched(template: Any) -> None:
    metrics = {alarm["MetricName"] for alarm in template.properties("AWS::CloudWatch::Alarm")}
    assert {"5xx", "Invocation5XXErrors", "ACUUtilization", "ExecutionsFailed"} <= metrics


def test_dead_letters_alarm_at_the_first_message(template: Any) -> None:
    depth = [
        a
        for a in template.properties("AWS::CloudWatch::Alarm")
        if a["MetricName"] == "ApproximateNumberOfMessagesVisible"
    ]
    ends = [q for q in template.properties("AWS::SQS::Queue") if "RedrivePolicy" not in q]
    assert len(depth) == len(ends) >= 7
    assert {a["Threshold"] for a in depth} == {1}


def test_pinned_proxy_sessions_are_watched_where_there_is_a_proxy(templates: Mapping[str, Any]) -> None:
    pinned = "DatabaseConnectionsCurrentlySessionPinned"
    assert pinned in json.dumps(templates["prod"].body)
    assert pinned not in json.dumps(templates["dev"].body)


def test_there_is_one_dashboard(template: Any) -> None:
    assert len(template.of("AWS::CloudWatch::Dashboard")) == 1
