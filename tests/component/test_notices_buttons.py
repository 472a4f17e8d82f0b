"""Buttons in Slack: who proves to be Slack acknowledges and resolves, and nobody else."""

import time
from uuid import uuid4

import pytest

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
    wrong = press(office, channel_id, "resolve", value, secret="another")
    old = press(office, channel_id, "resolve", value, at_s=time.time() - 301)
    assert [(one.status, one.json["code"]) for one in (wrong, old)] == [(401, "signature-invalid")] * 2
    for nowhere in (str(uuid4()), plain):
        assert press(office, nowhere, "resolve", value).status == 404
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
    assert press(stranger, theirs, "resolve", button(slack, "resolve")).status == 404
    assert status_of(office, incident_id)[0] == "open"


@pytest.mark.parametrize("body", ["", "payload=", "payload=%5B%5D", "payload=" + "%5B" * 9000, "x=1", "\x00"])
def test_a_signed_body_that_is_no_payload_is_refused(office: Office, body: str) -> None:
    channel_id = office.channel("slack_bot")["id"]
    stamp = str(int(time.time()))
    headers = {
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": signature(SIGNING_SECRET, stamp=stamp, body=body.encode()),
    }
    answer = call(office.handler, "POST", f"/v1/slack/interactions/{channel_id}", body=body, headers=headers)
    assert (answer.status, answer.json["code"]) == (400, "malformed-request")
