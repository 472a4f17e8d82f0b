"""/v1/slack/interactions: what Slack posts when a button is pressed."""

import time
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from sightline.errors import SignatureInvalidError
from sightline.http import create_router, port, problems
from sightline.incidents.notices.presses import take_in
from sightline.ports.work import NoticeQueue

router = create_router(prefix="/v1", tags=["notifications"])

_FORM = {"type": "object", "required": ["payload"], "properties": {"payload": {"type": "string"}}}
_BODY = {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": _FORM}}}


async def raw_body(request: Request) -> bytes:
    """As it was signed."""
    return await request.body()


@router.post(
    "/slack/interactions/{channel_id}",
    responses=problems(SignatureInvalidError),
    openapi_extra={"requestBody": _BODY},
)
def press(
    channel_id: UUID,
    request: Request,
    body: Annotated[bytes, Depends(raw_body)],
    queue: Annotated[NoticeQueue, port(NoticeQueue)],
) -> dict[str, str]:
    """A button of a Slack message: taken in at once, and done when Slack's own signature proves it."""
    take_in(channel_id, body=body, headers=dict(request.headers), now_s=time.time(), queue=queue)
    return {}
