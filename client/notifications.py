"""Calls about who is told of incidents."""

from collections.abc import Iterator
from typing import Any

from client.transport import Transport

Item = dict[str, Any]


class Notifications:
    """A connection's notification channels: `sightline.notifications`."""

    def __init__(self, api: Transport) -> None:
        self._api = api

    def add_channel(self, request: Item) -> Item:
        """A Slack channel or mail addresses; its secrets are not shown again."""
        answer: Item = self._api.call("POST", "/v1/notification-channels", json=request, creates=True)
        return answer

    def channels(self) -> Iterator[Item]:
        """All of them, newest first."""
        return self._api.pages("/v1/notification-channels", {})

    def change_channel(self, channel_id: str, **change: Any) -> Item:
        """name, filters, quiet_hours, enabled and the secrets: what is given takes the place of what was."""
        answer: Item = self._api.call("PATCH", f"/v1/notification-channels/{channel_id}", json=change)
        return answer

    def delete_channel(self, channel_id: str) -> None:
        """Forgets it, and what was told through it."""
        self._api.call("DELETE", f"/v1/notification-channels/{channel_id}")

    def test(self, channel_id: str) -> Item:
        """Sends a message that says it is a test."""
        path = f"/v1/notification-channels/{channel_id}/test"
        answer: Item = self._api.call("POST", path, creates=True)
        return answer

    def preview_test(self, channel_id: str) -> list[Item]:
        """What that message would be; nothing is sent."""
        items: list[Item] = self._api.call("POST", f"/v1/notification-channels/{channel_id}/dry-run")["items"]
        return items

    def preview(self, incident_id: str) -> list[Item]:
        """What each channel would be told of an incident, or why nothing; nothing is sent."""
        items: list[Item] = self._api.call("POST", f"/v1/incidents/{incident_id}/notifications/dry-run")[
            "items"
        ]
        return items

    def notifications(self, *, limit: int = 20, **where: str | None) -> list[Item]:
        """What was told, newest first; where: status, channel_id, incident_id."""
        asked = {name: value for name, value in where.items() if value is not None}
        items: list[Item] = self._api.call("GET", "/v1/notifications", params={"limit": limit, **asked})[
            "items"
        ]
        return items

    def all_notifications(self) -> Iterator[Item]:
        """Every one, newest first."""
        return self._api.pages("/v1/notifications", {"limit": 200})

    def notification(self, notification_id: str) -> Item:
        """One change on its way to one channel."""
        answer: Item = self._api.call("GET", f"/v1/notifications/{notification_id}")
        return answer

    def resend(self, notification_id: str) -> Item:
        """One that failed, or of which nobody knows whether it arrived, once more."""
        answer: Item = self._api.call("POST", f"/v1/notifications/{notification_id}/resend", creates=True)
        return answer
