"""Buttons pressed in Slack. Nobody has signed in: the app's signature over the body is who they are."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from sightline.database import Row, transaction
from sightline.errors import (
    ForbiddenAddressError,
    MalformedRequestError,
    NotFoundError,
    SignatureInvalidError,
)
from sightline.incidents.grouping import store as incidents
from sightline.incidents.grouping.pipeline import change
from sightline.incidents.grouping.schemas import IncidentChange
from sightline.incidents.notices import messages, store
from sightline.incidents.notices.posting import JSON_TYPE, unseal
from sightline.incidents.notices.presses import Press
from sightline.incidents.notices.rules import OVER, check_slack_address
from sightline.incidents.notices.signatures import check_signature
from sightline.incidents.notices.slack import ACKNOWLEDGE, RESOLVE
from sightline.incidents.notices.wording import one_line
from sightline.ports.outgoing import Vault, WebhookSender
from sightline.ports.work import Events
from sightline.settings import get_settings
from sightline.telemetry import logger

Json = Mapping[str, Any]
# As long as Slack takes an answer: docs.slack.dev/interactivity/handling-user-interaction. What is worked off
# later, from a dead-letter queue say, might undo what happened since.
LATE_S = 30 * 60
TOO_LATE = "That was too long ago when it could be done; nothing was changed. Press again if it still holds."


@dataclass(frozen=True, slots=True)
class Buttons:
    """Works presses off."""

    vault: Vault
    sender: WebhookSender
    events: Events
    now_s: Callable[[], float] = field(default=time.time)

    def take(self, given: Mapping[str, str]) -> None:
        """One press; made twice, it is made once. What nobody at Slack pressed ends in the log."""
        press = Press(**given)
        try:
            self._take(press)
        except (SignatureInvalidError, NotFoundError, MalformedRequestError) as refused:
            logger.warning("button refused", channel_id=press.channel_id, code=refused.slug)

    def _take(self, press: Press) -> None:
        channel = store.slack_channel(UUID(press.channel_id))
        if channel is None:
            raise NotFoundError("There is no such channel.")
        workspace_id = str(channel["workspace_id"])
        whose = {"workspace_id": workspace_id, "channel_id": press.channel_id}
        secret = unseal(bytes(channel["sealed"]), vault=self.vault, **whose)["signing_secret"]
        check_signature(press.signature, secret=secret, stamp=press.stamp, body=press.body.encode())
        payload = _payload(press.body)
        if payload.get("type") != "block_actions":
            return
        late = self.now_s() - int(press.stamp) > LATE_S
        for action in payload.get("actions") or []:
            said = TOO_LATE if late else _act(workspace_id, action, _user(payload), events=self.events)
            if said:
                self._answer(payload.get("response_url"), said)

    def _answer(self, address: Any, text: str) -> None:
        """To who pressed, and nobody else; whether it arrives changes nothing."""
        if not isinstance(address, str):
            return
        body = {"response_type": "ephemeral", "replace_original": False, "text": text}
        try:
            check_slack_address(address, loopback=get_settings().webhook_loopback)
        except ForbiddenAddressError:
            return
        self.sender.post(address, body=json.dumps(body).encode(), headers=JSON_TYPE)


def _payload(body: str) -> Json:
    """Of the form that Slack sends. Raises: MalformedRequestError."""
    try:
        found = json.loads(parse_qs(body, max_num_fields=10)["payload"][0])
    except (ValueError, KeyError, RecursionError) as error:
        raise MalformedRequestError("There is no payload in it.") from error
    if not isinstance(found, dict):
        raise MalformedRequestError("The payload is no object.")
    return found


def _user(payload: Json) -> tuple[str, str]:
    """Who pressed: Slack's id, and a name for people."""
    user = payload.get("user") or {}
    user_id = one_line(str(user.get("id") or "unknown"), 40)
    return user_id, one_line(str(user.get("username") or user.get("name") or user_id), 80)


def _act(workspace_id: str, action: Json, user: tuple[str, str], *, events: Events) -> str | None:
    """One button; why it did nothing. What it stands on must be a message of this workspace.

    Raises: NotFoundError.
    """
    try:
        message_id = UUID(str(action.get("value")))
    except ValueError:
        return None  # a button of somebody else's block in the same app
    with transaction(workspace_id) as conn:
        message = messages.of(conn, message_id)
        incident = incidents.incident(conn, message["incident_id"]) if message else None
    if incident is None:
        raise NotFoundError("There is no such incident.")
    wanted = change_of(str(action.get("action_id")), incident, name=user[1])
    if wanted is None and action.get("action_id") not in (ACKNOWLEDGE, RESOLVE):
        return None
    if wanted is None:
        return f"INC-{incident['number']} is {incident['status']} already."
    change(workspace_id, incident["id"], wanted, actor=f"slack:{user[0]}", events=events)
    logger.info("button pressed", incident_id=str(incident["id"]), action=str(action["action_id"]))
    return None


def change_of(action: str, incident: Row, *, name: str) -> IncidentChange | None:
    """What a button asks for; None where that is so already, as on a message that is a little old."""
    if incident["status"] in OVER:
        return None
    if action == RESOLVE:
        return IncidentChange(status="resolved")
    if action == ACKNOWLEDGE and incident["status"] == "open":
        return IncidentChange(status="investigating", owner=None if incident["owner"] else name)
    return None
