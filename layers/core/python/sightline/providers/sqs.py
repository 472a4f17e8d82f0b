"""Work on an SQS queue."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from sightline.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

PAUSES_S = (30, 60, 120, 240)
"""Until a message comes again that failed once, twice and so on."""


class SqsQueue:
    """Delivered at least once, in no order."""

    def __init__(self, url: str, client: "SQSClient | None" = None) -> None:
        self._url = url
        self._sqs: SQSClient = client or boto3.client("sqs")

    def send(self, message: Mapping[str, Any], *, delay_s: int = 0) -> None:
        body = json.dumps(message, default=str)
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=delay_s)


class SqsRedelivery:
    """Messages whose work was given back: they need not wait as long as those that were cut off."""

    def __init__(self, url: str, client: "SQSClient | None" = None) -> None:
        self._url = url
        self._sqs: SQSClient = client or boto3.client("sqs")

    def again(self, receipt: str, times: int) -> None:
        """After a pause that grows with how often it came; without an answer, the queue's own time holds."""
        pause_s = PAUSES_S[min(times, len(PAUSES_S)) - 1]
        try:
            self._sqs.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=pause_s
            )
        except (BotoCoreError, ClientError) as error:
            logger.warning("message comes again later", error=str(error))
