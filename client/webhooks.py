"""Calls about outgoing webhooks."""

from collections.abc import Iterator
from typing import Any

from client.transport import Transport

Item = dict[str, Any]


class Webhooks:
    """A connection's webhook endpoints: `sightline.webhooks`."""

    def __init__(self, api: Transport) -> None:
        self._api = api

    def add(self, url: str, *, description: str = "", event_types: list[str] | None = None) -> Item:
        """A receiver of matches, or of what is named; the secret in the answer is shown this once."""
        body: Item = {"url": url, "description": description}
        body |= {"event_types": event_types} if event_types else {}
        answer: Item = self._api.call("POST", "/v1/webhook-endpoints", json=body, creates=True)
        return answer

    def all(self) -> Iterator[Item]:
        """Newest first."""
        return self._api.pages("/v1/webhook-endpoints", {})

    def change(self, endpoint_id: str, **change: Any) -> Item:
        """url, description, enabled: what is given takes the place of what was."""
        answer: Item = self._api.call("PATCH", f"/v1/webhook-endpoints/{endpoint_id}", json=change)
        return answer

    def rotate(self, endpoint_id: str, *, keep_old_s: int | None = None) -> Item:
        """Another secret; the old one signs beside it for a while."""
        body = {} if keep_old_s is None else {"keep_old_s": keep_old_s}
        path = f"/v1/webhook-endpoints/{endpoint_id}/rotate"
        answer: Item = self._api.call("POST", path, json=body, creates=True)
        return answer

    def test(self, endpoint_id: str) -> Item:
        """Sends webhook.test."""
        answer: Item = self._api.call("POST", f"/v1/webhook-endpoints/{endpoint_id}/test", creates=True)
        return answer

    def deliveries(self, endpoint_id: str, *, status: str | None = None, limit: int = 20) -> list[Item]:
        """What was sent, newest first."""
        params = {"limit": limit, **({"status": status} if status else {})}
        path = f"/v1/webhook-endpoints/{endpoint_id}/deliveries"
        items: list[Item] = self._api.call("GET", path, params=params)["items"]
        return items

    def delivery(self, delivery_id: str) -> Item:
        """One message on its way."""
        answer: Item = self._api.call("GET", f"/v1/webhook-deliveries/{delivery_id}")
        return answer

    def resend(self, delivery_id: str) -> Item:
        """The same message once more."""
        answer: Item = self._api.call("POST", f"/v1/webhook-deliveries/{delivery_id}/resend", creates=True)
        return answer

    def redrive(self, endpoint_id: str) -> Item:
        """Begins what failed for good again."""
        answer: Item = self._api.call("POST", f"/v1/webhook-endpoints/{endpoint_id}/redrive", creates=True)
        return answer

    def delete(self, endpoint_id: str) -> None:
        """Forgets a receiver."""
        self._api.call("DELETE", f"/v1/webhook-endpoints/{endpoint_id}")
