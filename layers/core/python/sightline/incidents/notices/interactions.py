"""/v1/slack/interactions: what Slack posts when a button is pressed."""

import time
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from sightline.errors import SignatureInvalidError
from sightline.http import create_router, port, problems, rate_limited
from sightline.incidents.notices import buttons
from sightline.ports import ChannelVault, Events

router = create_router(prefix="/v1", tags=["notifications"])

_FORM = {"type": "object", "required": ["payload"], "properties": {"payload": {"type": "string"}}}
_BODY = {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": _FORM}}}
_RATE = [rate_limited("slack", lambda settings: settings.write_rate_per_minute)]


async def raw_body(request: Request) -> bytes:
    """As it was signed."""
    return await request.body()


@router.post(
    "/slack/interactions/{channel_id}",
    dependencies=_RATE,
    responses=problems(SignatureInvalidError),
    openapi_extra={"requestBody": _BODY},
)
def press(
    channel_id: UUID,
    request: Request,
    body: Annotated[bytes, Depends(raw_body)],
    vault: Annotated[ChannelVault, port(ChannelVault)],
    events: Annotated[Events, port(Events)],
) -> dict[str, str]:
    """A button of a Slack message. Slack's own signature is the login; it waits for three seconds."""
    headers = dict(request.headers)
    buttons.pressed(channel_id, body=body, headers=headers, now_s=time.time(), vault=vault, events=events)
    return {}
