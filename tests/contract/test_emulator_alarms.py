"""An alarm's change of state reaches a rule on the default bus, in the shape that CloudWatch gives it."""

import json
from typing import Any

import pytest

from tests.emulator_process import EmulatorProcess
from tests.running_cloud import wait_until

pytestmark = pytest.mark.contract


def test_an_alarms_change_of_state_is_an_event(seamed_emulator: EmulatorProcess) -> None:
    pattern = {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"]}
    target = {"Id": "queue", "Arn": {"Fn::GetAtt": ["Heard", "Arn"]}}
    outputs = seamed_emulator.deploy(
        "Alarms",
        resources={
            "Heard": {"Type": "AWS::SQS::Queue"},
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {"EventPattern": pattern, "Targets": [target]},
            },
        },
        outputs={"Heard": {"Ref": "Heard"}},
    )
    cloudwatch, sqs = seamed_emulator.aws("cloudwatch"), seamed_emulator.aws("sqs")
    cloudwatch.put_metric_alarm(
        AlarmName="queue-is-long",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": "mails"}],
        Period=60,
        EvaluationPeriods=1,
        Statistic="Maximum",
        Threshold=100,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName="queue-is-long", StateValue="ALARM", StateReason="120 is above 100")

    def heard() -> dict[str, Any] | None:
        messages = sqs.receive_message(QueueUrl=outputs["Heard"], WaitTimeSeconds=1).get("Messages", [])
        return json.loads(messages[0]["Body"]) if messages else None

    event = wait_until(heard, timeout_s=15, what="the event")
    assert event["resources"][0].endswith(":alarm:queue-is-long")
    assert (event["account"], event["detail"]["alarmName"]) == ("000000000000", "queue-is-long")
    assert event["detail"]["state"]["value"] == "ALARM"
    assert event["detail"]["state"]["reason"] == "120 is above 100"
    (metric,) = event["detail"]["configuration"]["metrics"]
    assert metric["metricStat"]["metric"]["dimensions"] == {"QueueName": "mails"}
