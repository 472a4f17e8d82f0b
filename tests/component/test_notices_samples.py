"""The sample events of notifications, through the shipped handlers."""

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
    "alert_joined": 0,
    "held_until_now": 0,
    "incident_opened": 0,
    "message_to_send": 0,
    "one_bad_message": 1,
}
ASKED = {
    "create_as_editor": (403, "forbidden"),
    "create_elsewhere": (422, "forbidden-address"),
    "create_slack_bot": (201, None),
    "create_slack_channel": (201, None),
    "dry_run_of_an_incident": (404, "not-found"),
    "end_quiet_hours": (404, "not-found"),
    "list_channels": (200, None),
    "list_unknown": (200, None),
    "resend": (404, "not-found"),
    "send_test": (404, "not-found"),
}


@pytest.fixture
def queues(
    emulator: str, monkeypatch: pytest.MonkeyPatch, set_settings: Callable[..., None]
) -> Iterator[None]:
    """Settings that lead to queues, a bus and keys of the emulator."""
    for service in ("SQS", "EVENTS", "KMS", "SESV2"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", emulator)
    url = boto3.client("sqs", endpoint_url=emulator).create_queue(QueueName="notices")["QueueUrl"]
    key = boto3.client("kms", endpoint_url=emulator).create_key()["KeyMetadata"]["Arn"]
    set_settings(notice_queue_url=url, delivery_queue_url=url, channel_key_arn=key, event_bus_name="b")
    made = (
        wiring.channel_vault,
        wiring.deliveries,
        wiring.events,
        wiring.mailer,
        wiring.notices,
        wiring.slack_sender,
    )
    for provider in made:
        provider.cache_clear()
    yield
    for provider in made:
        provider.cache_clear()


def handler_of(function: str) -> Any:
    return importlib.import_module(f"functions.{function}.handler").handler


def test_every_sample_has_an_expectation() -> None:
    assert {path.stem for path in (EVENTS / "notify").glob("*.json")} == QUEUED.keys()
    assert {path.stem for path in (EVENTS / "notices_api").glob("*.json")} == ASKED.keys()


@pytest.mark.parametrize(("name", "failures"), QUEUED.items())
def test_a_message_about_nothing_ends_quietly(
    queues: None, workspace: Workspace, name: str, failures: int
) -> None:
    event = sample(f"notify/{name}")
    for record in event["Records"]:
        record["body"] = record["body"].replace(SAMPLE_WORKSPACE, str(workspace.id))
    answer = handler_of("notify")(event, LambdaContext())
    assert len(answer["batchItemFailures"]) == failures


@pytest.mark.parametrize(("name", "expected"), ASKED.items())
def test_a_sample_is_answered(
    queues: None, workspace: Workspace, name: str, expected: tuple[int, str | None]
) -> None:
    event = sample(f"notices_api/{name}")
    event["requestContext"]["authorizer"]["lambda"]["workspace_id"] = str(workspace.id)
    answer = invoke(handler_of("notices_api"), event)
    assert (answer.status, answer.json.get("code")) == expected, answer.text


def test_a_button_of_long_ago_is_refused(queues: None, workspace: Workspace) -> None:
    answer = invoke(handler_of("slack_interactions"), sample("slack_interactions/acknowledge"))
    assert (answer.status, answer.json["code"]) == (401, "signature-invalid")


def test_a_tick_sweeps(queues: None, workspace: Workspace) -> None:
    answer = handler_of("sweep_notices")(sample("sweep_notices/tick"), LambdaContext())
    assert answer.keys() == {"held", "late"}
