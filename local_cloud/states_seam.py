"""Step Functions in the emulator: failures of child executions, and no silent Distributed Map."""

import json
from typing import Any

_KEPT = (
    "ExecutionArn",
    "Input",
    "InputDetails",
    "Name",
    "StartDate",
    "StateMachineArn",
    "Status",
    "StopDate",
)


def install() -> None:
    """Replace what differs from the service."""
    from ministack.services import stepfunctions

    def child_failure(payload: dict[str, Any]) -> tuple[str, str]:
        """The service fails the parent's task with the whole description of the child as its cause.

        Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
        """
        described = {name[:1].upper() + name[1:]: value for name, value in payload.items()}
        cause = {name: described[name] for name in (*_KEPT, "Error", "Cause") if name in described}
        return "States.TaskFailed", json.dumps(cause)

    def refuse(*_arguments: Any, **_named: Any) -> Any:
        message = "the local cloud has no Distributed Map: use an inline Map over planned batches"
        raise stepfunctions._ExecutionError("States.Runtime", message)

    stepfunctions._nested_execution_failure = child_failure
    stepfunctions._run_distributed_map = refuse
