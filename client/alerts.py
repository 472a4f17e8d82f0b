"""Calls about monitoring tools, their deliveries and the alerts in them."""

from collections.abc import Iterator
from typing import Any

from client.transport import Transport

Item = dict[str, Any]


class Alerts:
    """A connection's alerts: `sightline.alerts`."""

    def __init__(self, api: Transport) -> None:
        self._api = api

    def add_source(self, request: Item) -> Item:
        """Lets a tool in; the secret in the answer is shown this once."""
        answer: Item = self._api.call("POST", "/v1/alert-sources", json=request, creates=True)
        return answer

    def rotate(self, source_id: str, secret: str | None = None) -> Item:
        """Another secret, ours or the tool's own."""
        body = {"secret": secret} if secret else {}
        path = f"/v1/alert-sources/{source_id}/rotate"
        answer: Item = self._api.call("POST", path, json=body, creates=True)
        return answer

    def change_source(self, source_id: str, change: Item) -> Item:
        """Another name or map."""
        answer: Item = self._api.call("PATCH", f"/v1/alert-sources/{source_id}", json=change)
        return answer

    def delete_source(self, source_id: str) -> None:
        """Takes nothing more from it."""
        self._api.call("DELETE", f"/v1/alert-sources/{source_id}")

    def sources(self) -> Iterator[Item]:
        """All of them, newest first."""
        return self._api.pages("/v1/alert-sources", {})

    def alerts(self, *, limit: int = 50, **where: str | None) -> list[Item]:
        """The newest; where: status, severity, service, source_id."""
        return self._some("/v1/alerts", limit, where)

    def deliveries(self, *, limit: int = 50, outcome: str | None = None) -> list[Item]:
        """What arrived, newest first."""
        return self._some("/v1/alert-deliveries", limit, {"outcome": outcome})

    def alert(self, alert_id: str) -> Item:
        """One, with how it was judged and what it names."""
        found: Item = self._api.call("GET", f"/v1/alerts/{alert_id}")
        return found

    def delivery(self, delivery_id: str) -> Item:
        """One, with all that was sent but its secrets."""
        found: Item = self._api.call("GET", f"/v1/alert-deliveries/{delivery_id}")
        return found

    def all_alerts(self) -> Iterator[Item]:
        """Every one, newest first."""
        return self._api.pages("/v1/alerts", {"limit": 200})

    def all_deliveries(self) -> Iterator[Item]:
        """Every one, newest first."""
        return self._api.pages("/v1/alert-deliveries", {"limit": 200})

    def replay(self, delivery_id: str) -> Item:
        """Has a stored delivery read again."""
        answer: Item = self._api.call("POST", f"/v1/alert-deliveries/{delivery_id}/replay", creates=True)
        return answer

    def dead_letters(self, *, limit: int = 50) -> list[Item]:
        """What could not be read however often it was tried, newest first."""
        return self._some("/v1/alert-dead-letters", limit, {})

    def redrive(self, letter_id: str | None = None) -> int:
        """Sends one again, or all; how many."""
        path = (
            f"/v1/alert-dead-letters/{letter_id}/redrive" if letter_id else "/v1/alert-dead-letters/redrive"
        )
        sent, more = 0, True
        while more:
            answer: Item = self._api.call("POST", path, creates=True)
            sent, more = sent + int(answer["redriven"]), bool(answer["more"]) and letter_id is None
        return sent

    def _some(self, path: str, limit: int, where: dict[str, str | None]) -> list[Item]:
        asked = {name: value for name, value in where.items() if value is not None}
        answer = self._api.call("GET", path, params={"limit": limit, **asked})
        items: list[Item] = answer["items"]
        return items
