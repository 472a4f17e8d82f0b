"""/v1/notification-channels, /v1/notifications and the dry-run of an incident."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from sightline.http import Cursor, Limit, Principal, create_router, port, rate_limited, require_role
from sightline.incidents.notices import pipeline, preview
from sightline.incidents.notices.schemas import (
    ChannelAnswer,
    ChannelChange,
    ChannelPage,
    ChannelRequest,
    DryRunAnswer,
    NotificationAnswer,
    NotificationPage,
    NotificationStatus,
)
from sightline.ports.outgoing import ChannelVault
from sightline.ports.work import NoticeQueue

router = create_router(prefix="/v1", tags=["notifications"])

Reader = Annotated[Principal, require_role("viewer", "workspace:read")]
Editor = Annotated[Principal, require_role("editor", "workspace:read")]
Admin = Annotated[Principal, require_role("admin", "workspace:write")]
Secrets = Annotated[ChannelVault, port(ChannelVault)]
Notices = Annotated[NoticeQueue, port(NoticeQueue)]
_RATE = [rate_limited("notifications", lambda settings: settings.write_rate_per_minute)]


@router.post("/notification-channels", status_code=201, dependencies=_RATE)
def create_channel(body: ChannelRequest, principal: Admin, vault: Secrets) -> ChannelAnswer:
    """A Slack channel or mail addresses to be told of incidents; its secrets are never shown again."""
    return pipeline.create_channel(principal, body, vault=vault)


@router.get("/notification-channels")
def list_channels(principal: Editor, cursor: Cursor = None, limit: Limit = 50) -> ChannelPage:
    """Channels, newest first."""
    return pipeline.list_channels(principal, cursor=cursor, limit=limit)


@router.get("/notification-channels/{channel_id}")
def read_channel(channel_id: UUID, principal: Editor) -> ChannelAnswer:
    """One channel."""
    return pipeline.read_channel(principal, channel_id)


@router.patch("/notification-channels/{channel_id}")
def change_channel(channel_id: UUID, body: ChannelChange, principal: Admin, vault: Secrets) -> ChannelAnswer:
    """Replaces its name, filters, quiet hours, addresses or secrets, or switches it off and on."""
    return pipeline.change_channel(principal, channel_id, body, vault=vault)


@router.delete("/notification-channels/{channel_id}", status_code=204)
def delete_channel(channel_id: UUID, principal: Admin) -> None:
    """Forgets a channel, its secrets and what was told through it."""
    pipeline.delete_channel(principal, channel_id)


@router.post("/notification-channels/{channel_id}/test", status_code=202, dependencies=_RATE)
def send_test(channel_id: UUID, principal: Admin, queue: Notices) -> NotificationAnswer:
    """Sends a message that says it is a test; the notification tells what came of it."""
    return pipeline.send_test(principal, channel_id, queue=queue)


@router.post("/notification-channels/{channel_id}/dry-run")
def preview_test(channel_id: UUID, principal: Editor) -> DryRunAnswer:
    """What its test would be; nothing is sent."""
    return preview.test_preview(principal, channel_id)


@router.post("/incidents/{incident_id}/notifications/dry-run")
def preview_incident(incident_id: UUID, principal: Editor) -> DryRunAnswer:
    """What every channel would be told of the incident's next change, and why not; nothing is sent."""
    return preview.incident_preview(principal, incident_id)


@router.get("/notifications")
def list_notifications(
    principal: Reader,
    channel_id: Annotated[UUID | None, Query()] = None,
    incident_id: Annotated[UUID | None, Query()] = None,
    status: Annotated[NotificationStatus | None, Query(description="unknown: it may have arrived.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> NotificationPage:
    """Changes that were told, or are to be, newest first."""
    where = {"channel": channel_id, "incident": incident_id, "status": status}
    return pipeline.list_notifications(principal, where=where, cursor=cursor, limit=limit)


@router.get("/notifications/{notification_id}")
def read_notification(notification_id: UUID, principal: Reader) -> NotificationAnswer:
    """One change on its way to one channel."""
    return pipeline.read_notification(principal, notification_id)


@router.post("/notifications/{notification_id}/resend", status_code=202, dependencies=_RATE)
def resend(notification_id: UUID, principal: Admin, queue: Notices) -> NotificationAnswer:
    """One that failed, or of which nobody knows whether it arrived, once more."""
    return pipeline.resend(principal, notification_id, queue=queue)
