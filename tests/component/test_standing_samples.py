"""The sample events of concepts, standing searches and webhooks, through the shipped handlers."""

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from sightline import wiring
from tests.component.conftest import EVENTS, LambdaContext, invoke, sample
from tests.conftest import Workspace

pytestmark = pytest.mark.component

SAMPLE_WORKSPACE = "0193a1b2-0000-7000-8000-000000000001"
# Messages about what is not there any more end without a word; what cannot be read is named.
QUEUED = {
    "train_concept/first_version": 0,
    "apply_concept/first_page": 0,
    "apply_concept/next_page": 0,
    "match_asset/asset_ready": 0,
    "deliver_webhooks/first_attempt": 0,
    "deliver_webhooks/one_bad_message": 1,
}
ASKED = {
    "create_endpoint_inside": (422, "forbidden-address"),
    "create_endpoint_as_editor": (403, "forbidden"),
    "list_endpoints": (200, None),
    "send_test": (404, "not-found"),
    "list_failed_deliveries": (404, "not-found"),
    "resend": (404, "not-found"),
}


@pytest.fixture
def queues(
    emulator: str, monkeypatch: pytest.MonkeyPatch, set_settings: Callable[..., None]
) -> Iterator[None]:
    """Settings that lead to queues, a bus and a key of the emulator."""
    for service in ("SQS", "EVENTS", "KMS", "SAGEMAKER_RUNTIME"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", emulator)
    url = boto3.client("sqs", endpoint_url=emulator).create_queue(QueueName="standing")["QueueUrl"]
    key = boto3.client("kms", endpoint_url=emulator).create_key()["KeyMetadata"]["Arn"]
    set_settings(
        delivery_queue_url=url,
        application_queue_url=url,
        webhook_key_arn=key,
        event_bus_name="b",
        endpoint_name="e",
    )
    made = (
        wiring.deliveries,
        wiring.applications,
        wiring.vault,
        wiring.events,
        wiring.embedder,
        wiring.webhook_sender,
    )
    for provider in made:
        provider.cache_clear()
    yield
    for provider in made:
        provider.cache_clear()


def handler_of(function: str) -> Any:
    return importlib.import_module(f"functions.{function}.handler").handler


def here(text: str, workspace: Workspace) -> str:
    return text.replace(SAMPLE_WORKSPACE, str(workspace.id))


def test_every_sample_has_an_expectation() -> None:
    functions = {name.split("/")[0] for name in QUEUED}
    assert {f"{f}/{path.stem}" for f in functions for path in (EVENTS / f).glob("*.json")} == QUEUED.keys()
    there = {path.stem for path in (EVENTS / "outgoing_api").glob("*.json")}
    assert there == ASKED.keys() | {"create_endpoint"}, "create_endpoint needs the internet's names"


@pytest.mark.parametrize(("name", "failures"), QUEUED.items())
def test_a_message_about_nothing_ends_quietly(
    queues: None, workspace: Workspace, name: str, failures: int
) -> None:
    event = sample(name)
    for record in event["Records"]:
        record["body"] = here(record["body"], workspace)
    answer = handler_of(name.split("/")[0])(event, LambdaContext())
    assert len(answer["batchItemFailures"]) == failures


@pytest.mark.parametrize(("name", "expected"), ASKED.items())
def test_a_sample_is_answered(
    queues: None, workspace: Workspace, name: str, expected: tuple[int, str | None]
) -> None:
    event = sample(f"outgoing_api/{name}")
    event["requestContext"]["authorizer"]["lambda"]["workspace_id"] = str(workspace.id)
    answer = invoke(handler_of("outgoing_api"), event)
    assert (answer.status, answer.json.get("code")) == expected, answer.text
