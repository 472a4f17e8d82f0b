"""The sample events of notifications, through the shipped handlers."""

from collections.abc import Callable, Iterator

import pytest

from sightline import wiring
from tests.component.conftest import EVENTS, LambdaContext, invoke, sample
from tests.component.samples import answer_to, emulated, failures, handler_of, made_anew
from tests.conftest import Workspace

pytestmark = pytest.mark.component

# Messages about what is not there any more end without a word; what cannot be read is named.
QUEUED = {
    "alert_joined": 0,
    "button_pressed": 0,
    "held_until_now": 0,
    "incident_opened": 0,
    "incident_withdrawn": 0,
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
    queue, key = emulated(monkeypatch, emulator, "SQS", "EVENTS", "KMS", "SESV2")
    set_settings(notice_queue_url=queue, delivery_queue_url=queue, channel_key_arn=key, event_bus_name="b")
    with made_anew(
        wiring.channel_vault,
        wiring.deliveries,
        wiring.events,
        wiring.mailer,
        wiring.notices,
        wiring.slack_sender,
    ):
        yield


def test_every_sample_has_an_expectation() -> None:
    assert {path.stem for path in (EVENTS / "notify").glob("*.json")} == QUEUED.keys()
    assert {path.stem for path in (EVENTS / "notices_api").glob("*.json")} == ASKED.keys()


@pytest.mark.parametrize(("name", "expected"), QUEUED.items())
def test_a_message_about_nothing_ends_quietly(
    queues: None, workspace: Workspace, name: str, expected: int
) -> None:
    assert failures(f"notify/{name}", workspace) == expected


@pytest.mark.parametrize(("name", "expected"), ASKED.items())
def test_a_sample_is_answered(
    queues: None, workspace: Workspace, name: str, expected: tuple[int, str | None]
) -> None:
    answer = answer_to(f"notices_api/{name}", workspace)
    assert (answer.status, answer.json.get("code")) == expected, answer.text


def test_a_button_of_long_ago_is_refused(queues: None, workspace: Workspace) -> None:
    answer = invoke(handler_of("slack_interactions"), sample("slack_interactions/acknowledge"))
    assert (answer.status, answer.json["code"]) == (401, "signature-invalid")


def test_a_tick_sweeps(queues: None, workspace: Workspace) -> None:
    answer = handler_of("sweep_notices")(sample("sweep_notices/tick"), LambdaContext())
    assert answer.keys() == {"held", "late", "forgotten"}
