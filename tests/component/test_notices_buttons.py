"""Buttons in Slack: who proves to be Slack acknowledges and resolves, and nobody else."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from sightline.database import app_conninfo, close_idle
from sightline.incidents.notices.buttons import Buttons
from sightline.incidents.notices.signatures import signature
from sightline.providers.kms import KmsVault
from tests.component.conftest import call
from tests.component.notices import (  # noqa: F401 - fixtures
    SIGNING_SECRET,
    Office,
    button,
    made_vault,
    opened_office,
    press,
    served_slack,
    status_of,
)
from tests.conftest import Workspace
from tests.fake_slack import FakeSlack

pytestmark = pytest.mark.component


def test_buttons_acknowledge_and_resolve_and_pressed_twice_they_are_pressed_once(
    office: Office, slack: FakeSlack
) -> None:
    channel_id = office.channel("slack_bot")["id"]
    incident_id = office.incident()
    office.tell(incident_id, 1, "opened")
    value = button(slack, "acknowledge")
    for _ in range(2):
        assert press(office, channel_id, "acknowledge", value).status == 200
    assert status_of(office, incident_id) == ("investigating", "ada")
    assert len(office.bus.events) == 1
    name, detail = office.bus.events[0]
    assert (name, detail["incident_id"]) == ("incident.changed", str(incident_id))
    office.tell(incident_id, detail["version"], *detail["kinds"])
    assert "by <@U0ADA>" in slack.calls[-1].body["text"]
    assert press(office, channel_id, "resolve", value).status == 200
    assert status_of(office, incident_id)[0] == "resolved"
    # A message that is a little old does not bring it back.
    assert press(office, channel_id, "acknowledge", value).status == 200
    assert status_of(office, incident_id)[0] == "resolved"
    assert len(office.bus.events) == 2


def test_what_is_not_proven_to_be_slack_changes_nothing(office: Office, slack: FakeSlack) -> None:
    channel_id = office.channel("slack_bot")["id"]
    plain = office.channel()["id"]
    incident_id = office.incident()
    office.tell(incident_id, 1, "opened")
    value = button(slack, "resolve")
    old = press(office, channel_id, "resolve", value, at_s=time.time() - 301)
    assert (old.status, old.json["code"]) == (401, "signature-invalid")
    # The door cannot know whose secret it is: what is signed as Slack signs is taken in, and goes no further.
    assert press(office, channel_id, "resolve", value, secret="another").status == 200
    for nowhere in (str(uuid4()), plain):
        assert press(office, nowhere, "resolve", value).status == 200
    assert not [one for one in slack.bodies() if "response_type" in one], "nobody is answered"
    assert status_of(office, incident_id)[0] == "open"
    assert press(office, channel_id, "resolve", "of another app").status == 200
    assert press(office, channel_id, "something", value).status == 200
    assert status_of(office, incident_id)[0] == "open"


def test_a_button_reaches_no_incident_of_another_workspace(
    office: Office, slack: FakeSlack, other_workspace: Workspace, channel_vault: KmsVault
) -> None:
    office.channel("slack_bot")
    incident_id = office.incident()
    office.tell(incident_id, 1, "opened")
    stranger = Office(other_workspace, channel_vault, slack)
    theirs = stranger.channel("slack_bot")["id"]
    assert press(stranger, theirs, "resolve", button(slack, "resolve")).status == 200
    assert stranger.bus.events == office.bus.events == []
    assert status_of(office, incident_id)[0] == "open"


def test_who_presses_what_is_done_already_or_long_ago_is_told_so_alone(
    office: Office, slack: FakeSlack
) -> None:
    channel_id = office.channel("slack_bot")["id"]
    incident_id = office.incident()
    office.tell(incident_id, 1, "opened")
    value = button(slack, "resolve")
    press(office, channel_id, "resolve", value)
    assert slack.bodies() == []
    press(office, channel_id, "resolve", value)
    assert slack.bodies() == [
        {"response_type": "ephemeral", "replace_original": False, "text": "INC-1 is resolved already."}
    ]
    another = office.incident()
    office.queue.take()
    office.tell(another, 1, "opened")
    posted = [one for one in slack.posted.values() if "INC-2" in one["text"]]
    value = posted[0]["attachments"][0]["blocks"][-1]["elements"][0]["value"]
    given = _taken_in(office, channel_id, "resolve", value)
    # From a dead-letter queue, an hour later: it might undo what happened since.
    Buttons(office.vault, office.sender, office.bus, lambda: time.time() + 3600).take(given)
    assert status_of(office, another)[0] == "open"
    assert slack.bodies()[1]["text"].startswith("That was too long ago")


def test_a_press_is_taken_in_without_the_database(
    office: Office, slack: FakeSlack, set_settings: Callable[..., None]
) -> None:
    """As when it is paused: done when it is back, however often the queue hands it over."""
    channel_id = office.channel("slack_bot")["id"]
    incident_id = office.incident()
    office.tell(incident_id, 1, "opened")
    there = app_conninfo()
    close_idle()
    set_settings(database_url="postgresql://nobody@127.0.0.1:1/none", webhook_loopback=True)
    given = _taken_in(office, channel_id, "acknowledge", button(slack, "acknowledge"))
    set_settings(database_url=there)
    worker = Buttons(office.vault, office.sender, office.bus)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(worker.take, [given] * 8))
    assert status_of(office, incident_id) == ("investigating", "ada")
    assert {detail["version"] for _, detail in office.bus.events} == {3}, "status and owner, each once"


def _taken_in(office: Office, channel_id: str, action: str, value: str) -> dict[str, str]:
    """A press as the door queues it."""
    assert press(office, channel_id, action, value, work=False).status == 200
    ((job, _),) = office.queue.take()
    pressed: dict[str, str] = job["pressed"]
    return pressed


@pytest.mark.parametrize("signature", ["", "v0=", "v1=" + "0" * 64, "v0=" + "g" * 64])
def test_what_cannot_be_slacks_signature_is_not_even_taken_in(office: Office, signature: str) -> None:
    headers = {"x-slack-request-timestamp": str(int(time.time())), "x-slack-signature": signature}
    answer = call(office.handler, "POST", f"/v1/slack/interactions/{uuid4()}", body="x", headers=headers)
    assert (answer.status, answer.json["code"]) == (401, "signature-invalid")
    assert office.queue.waiting == []


@pytest.mark.parametrize(
    "body", ["", "payload=", "payload=%5B%5D", "payload=" + "%5B" * 9000, "x=1", "\x00", "payload=%FF"]
)
def test_a_signed_body_that_is_no_payload_ends_without_a_word(office: Office, body: str) -> None:
    channel_id = office.channel("slack_bot")["id"]
    stamp = str(int(time.time()))
    headers = {
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": signature(SIGNING_SECRET, stamp=stamp, body=body.encode()),
    }
    answer = call(office.handler, "POST", f"/v1/slack/interactions/{channel_id}", body=body, headers=headers)
    assert answer.status == 200
    assert office.work() == []


@pytest.mark.parametrize(
    ("body", "expected"), [("x" * 100_001, (413, "payload-too-large")), ("é", (400, "malformed-request"))]
)
def test_what_no_queue_could_carry_is_refused(office: Office, body: str, expected: tuple[int, str]) -> None:
    stamp = str(int(time.time()))
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": "v0=" + "0" * 64}
    answer = call(office.handler, "POST", f"/v1/slack/interactions/{uuid4()}", body=body, headers=headers)
    assert (answer.status, answer.json["code"]) == expected
