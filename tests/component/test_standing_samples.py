"""The sample events of concepts, standing searches and webhooks, through the shipped handlers."""

from collections.abc import Callable, Iterator

import pytest

from sightline import wiring
from tests.component.conftest import EVENTS
from tests.component.samples import answer_to, emulated, failures, made_anew
from tests.conftest import Workspace

pytestmark = pytest.mark.component

# Messages about what is not there any more end without a word; what cannot be read is named.
QUEUED = {
    "train_concept/first_version": 0,
    "train_concept/with_words": 0,
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
    queue, key = emulated(monkeypatch, emulator, "SQS", "EVENTS", "KMS", "SAGEMAKER_RUNTIME")
    set_settings(
        delivery_queue_url=queue,
        application_queue_url=queue,
        webhook_key_arn=key,
        event_bus_name="b",
        endpoint_name="e",
    )
    with made_anew(
        wiring.deliveries,
        wiring.applications,
        wiring.vault,
        wiring.events,
        wiring.embedder,
        wiring.webhook_sender,
    ):
        yield


def test_every_sample_has_an_expectation() -> None:
    functions = {name.split("/")[0] for name in QUEUED}
    assert {f"{f}/{path.stem}" for f in functions for path in (EVENTS / f).glob("*.json")} == QUEUED.keys()
    there = {path.stem for path in (EVENTS / "outgoing_api").glob("*.json")}
    assert there == ASKED.keys() | {"create_endpoint"}, "create_endpoint needs the internet's names"


@pytest.mark.parametrize(("name", "expected"), QUEUED.items())
def test_a_message_about_nothing_ends_quietly(
    queues: None, workspace: Workspace, name: str, expected: int
) -> None:
    assert failures(name, workspace) == expected


@pytest.mark.parametrize(("name", "expected"), ASKED.items())
def test_a_sample_is_answered(
    queues: None, workspace: Workspace, name: str, expected: tuple[int, str | None]
) -> None:
    answer = answer_to(f"outgoing_api/{name}", workspace)
    assert (answer.status, answer.json.get("code")) == expected, answer.text
