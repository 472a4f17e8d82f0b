"""Runs of a Step Functions state machine."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class StateMachine:
    """One state machine; a name is taken for 90 days, so a run of a name starts once."""

    def __init__(self, arn: str, client: "SFNClient | None" = None) -> None:
        self._arn = arn
        self._states: SFNClient = client or boto3.client("stepfunctions")

    def start(self, name: str, payload: Mapping[str, Any]) -> bool:
        try:
            self._states.start_execution(
                stateMachineArn=self._arn, name=name, input=json.dumps(payload, default=str)
            )
        except self._states.exceptions.ExecutionAlreadyExists:
            return False
        return True

    def status(self, name: str) -> str | None:
        arn = f"{self._arn.replace(':stateMachine:', ':execution:')}:{name}"
        try:
            return self._states.describe_execution(executionArn=arn)["status"]
        except self._states.exceptions.ExecutionDoesNotExist:
            return None
