"""Work on an SQS queue."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsQueue:
    """Delivered at least once, in no order."""

    def __init__(self, url: str, client: "SQSClient | None" = None) -> None:
        self._url = url
        self._sqs: SQSClient = client or boto3.client("sqs")

    def send(self, message: Mapping[str, Any], *, delay_s: int = 0) -> None:
        body = json.dumps(message, default=str)
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=delay_s)
