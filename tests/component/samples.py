"""Sample events through the shipped handlers, whichever function they are for."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from tests.component.conftest import Answer, LambdaContext, invoke, sample
from tests.conftest import Workspace
from tests.media_cloud import SAMPLE_WORKSPACE


def handler_of(function: str) -> Any:
    """What Lambda calls."""
    return importlib.import_module(f"functions.{function}.handler").handler


def failures(name: str, workspace: Workspace) -> int:
    """How many messages of a queue's sample come back to it: `notify/alert_joined`."""
    event = sample(name)
    for record in event["Records"]:
        record["body"] = record["body"].replace(SAMPLE_WORKSPACE, str(workspace.id))
    return len(handler_of(name.split("/")[0])(event, LambdaContext())["batchItemFailures"])


def answer_to(name: str, workspace: Workspace) -> Answer:
    """What a sample of the HTTP API is answered, asked in this workspace."""
    event = sample(name)
    event["requestContext"]["authorizer"]["lambda"]["workspace_id"] = str(workspace.id)
    return invoke(handler_of(name.split("/")[0]), event)


def emulated(patch: pytest.MonkeyPatch, emulator: str, *services: str) -> tuple[str, str]:
    """Makes these services the emulator's; the address of a queue there, and the name of a key."""
    for service in services:
        patch.setenv(f"AWS_ENDPOINT_URL_{service}", emulator)
    queue = boto3.client("sqs", endpoint_url=emulator).create_queue(QueueName="samples")["QueueUrl"]
    return queue, boto3.client("kms", endpoint_url=emulator).create_key()["KeyMetadata"]["Arn"]


@contextmanager
def made_anew(*providers: Any) -> Iterator[None]:
    """Providers of wiring.py as the settings of now want them, and nobody else's afterwards."""
    for provider in providers:
        provider.cache_clear()
    yield
    for provider in providers:
        provider.cache_clear()
