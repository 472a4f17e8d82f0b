"""Buttons pressed in Slack. Nobody has signed in: the app's signature over the body is who they are."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from sightline.database import Row, transaction
from sightline.errors import MalformedRequestError, NotFoundError
from sightline.incidents.grouping import store as incidents
from sightline.incidents.grouping.pipeline import change
from sightline.incidents.grouping.schemas import IncidentChange
from sightline.incidents.notices import messages, signatures, store
from sightline.incidents.notices.posting import unseal
from sightline.incidents.notices.rules import OVER
from sightline.incidents.notices.slack import ACKNOWLEDGE, RESOLVE
from sightline.incidents.notices.wording import one_line
from sightline.ports import Events, Vault
from sightline.telemetry import logger

Json = Mapping[str, Any]


def pressed(
    channel_id: UUID, *, body: bytes, headers: Mapping[str, str], now_s: float, vault: Vault, events: Events
) -> None:
    """What Slack sends when somebody presses a button; pressed twice, it is pressed once.

    Raises: SignatureInvalidError, NotFoundError, MalformedRequestError.
    """
    stamp = signatures.check_time(headers, now_s=now_s)
    channel = store.slack_channel(channel_id)
    if channel is None:
        raise NotFoundError("There is no such channel.")
    workspace_id = str(channel["workspace_id"])
    whose = {"workspace_id": workspace_id, "channel_id": channel_id}
    secret = unseal(bytes(channel["sealed"]), vault=vault, **whose)["signing_secret"]
    signatures.check_signature(headers, secret=secret, stamp=stamp, body=body)
    payload = _payload(body)
    if payload.get("type") == "block_actions":
        for action in payload.get("actions") or []:
            _act(workspace_id, action, _user(payload), events=events)


def _payload(body: bytes) -> Json:
    """Of the form that Slack sends. Raises: MalformedRequestError."""
    try:
        found = json.loads(parse_qs(body.decode(), max_num_fields=10)["payload"][0])
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


def _act(workspace_id: str, action: Json, user: tuple[str, str], *, events: Events) -> None:
    """One button. What it stands on must be a message of this workspace. Raises: NotFoundError."""
    try:
        message_id = UUID(str(action.get("value")))
    except ValueError:
        return  # a button of somebody else's block in the same app
    with transaction(workspace_id) as conn:
        message = messages.of(conn, message_id)
        incident = incidents.incident(conn, message["incident_id"]) if message else None
    if incident is None:
        raise NotFoundError("There is no such incident.")
    wanted = change_of(str(action.get("action_id")), incident, name=user[1])
    if wanted is not None:
        change(workspace_id, incident["id"], wanted, actor=f"slack:{user[0]}", events=events)
        logger.info("button pressed", incident_id=str(incident["id"]), action=str(action["action_id"]))


def change_of(action: str, incident: Row, *, name: str) -> IncidentChange | None:
    """What a button asks for; None where that is so already, as on a message that is a little old."""
    if incident["status"] in OVER:
        return None
    if action == RESOLVE:
        return IncidentChange(status="resolved")
    if action == ACKNOWLEDGE and incident["status"] == "open":
        return IncidentChange(status="investigating", owner=None if incident["owner"] else name)
    return None
