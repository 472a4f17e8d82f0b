"""CloudWatch in the emulator: an alarm's change of state is an event on the default bus, as it is in AWS.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html.
"""

import json
from datetime import UTC, datetime
from typing import Any


def install() -> None:
    """Replace what differs from the service: the emulator tells SNS alone."""
    from ministack.services import cloudwatch, eventbridge

    act = cloudwatch._dispatch_alarm_actions

    def act_and_tell(alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> None:
        act(alarm, old_state, new_state, reason)
        entry = {
            "Source": "aws.cloudwatch",
            "DetailType": "CloudWatch Alarm State Change",
            "Resources": [alarm["AlarmArn"]],
            "Detail": json.dumps(_detail(alarm, old_state, new_state, reason)),
        }
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)

    cloudwatch._dispatch_alarm_actions = act_and_tell


def _detail(alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> dict[str, Any]:
    dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions") or []}
    metric = {"namespace": alarm.get("Namespace"), "name": alarm.get("MetricName"), "dimensions": dimensions}
    stat = {"metric": metric, "period": alarm.get("Period"), "stat": alarm.get("Statistic")}
    return {
        "alarmName": alarm["AlarmName"],
        "configuration": {
            "description": alarm.get("AlarmDescription") or "",
            "metrics": [{"id": "m1", "metricStat": stat, "returnData": True}],
        },
        "previousState": {"value": old_state},
        "state": {"value": new_state, "reason": reason, "timestamp": datetime.now(UTC).isoformat()},
    }
