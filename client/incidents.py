"""Calls about incidents, and what a workspace sets for them."""

import re
from collections.abc import Iterator
from typing import Any

from client.errors import NotFoundError
from client.transport import Transport

Item = dict[str, Any]
NUMBERED = re.compile(r"(?:INC-)?(\d+)", re.IGNORECASE)


class Incidents:
    """A connection's incidents: `sightline.incidents`."""

    def __init__(self, api: Transport) -> None:
        self._api = api

    def newest(self, *, limit: int = 50, **where: str | None) -> list[Item]:
        """The newest; where: status, severity, service, number."""
        asked = {name: value for name, value in where.items() if value is not None}
        answer = self._api.call("GET", "/v1/incidents", params={"limit": limit, **asked})
        items: list[Item] = answer["items"]
        return items

    def id_of(self, incident: str) -> str:
        """Its id, also by what people call it: INC-12, or 12. Raises: NotFoundError."""
        named = NUMBERED.fullmatch(incident.strip())
        if named is None:
            return incident
        found = self.newest(limit=1, number=named[1])
        if not found:
            raise NotFoundError(status=404, code="not-found", detail=f"There is no incident INC-{named[1]}.")
        return str(found[0]["id"])

    def get(self, incident_id: str) -> Item:
        """One incident."""
        return self._item("GET", f"/v1/incidents/{incident_id}")

    def alerts(self, incident_id: str) -> Iterator[Item]:
        """Its alerts, oldest first, and why each is one of them."""
        return self._api.pages(f"/v1/incidents/{incident_id}/alerts", {"limit": 200})

    def timeline(self, incident_id: str) -> Iterator[Item]:
        """All that was done, oldest first."""
        return self._api.pages(f"/v1/incidents/{incident_id}/timeline", {"limit": 200})

    def similar(self, incident_id: str, *, limit: int = 5) -> list[Item]:
        """Resolved incidents that were like it."""
        answer = self._api.call("GET", f"/v1/incidents/{incident_id}/similar", params={"limit": limit})
        items: list[Item] = answer["items"]
        return items

    def change(self, incident_id: str, **change: str | None) -> Item:
        """Status, owner, severity, title, with a note."""
        said = {name: value for name, value in change.items() if value is not None}
        return self._item("PATCH", f"/v1/incidents/{incident_id}", json=said)

    def snooze(self, incident_id: str, until: str | None) -> Item:
        """Tells nobody of it until then (ISO 8601, with its time zone); None ends that."""
        return self._item("POST", f"/v1/incidents/{incident_id}/snooze", json={"until": until})

    def note(self, incident_id: str, text: str) -> Item:
        """Writes something into the timeline."""
        path = f"/v1/incidents/{incident_id}/notes"
        return self._item("POST", path, json={"text": text}, creates=True)

    def merge(self, incident_id: str, others: list[str]) -> Item:
        """The others go into this one."""
        return self._item("POST", f"/v1/incidents/{incident_id}/merge", json={"incident_ids": others})

    def split(self, incident_id: str, alert_ids: list[str]) -> Item:
        """Alerts become an incident of their own, which is the answer."""
        path = f"/v1/incidents/{incident_id}/split"
        return self._item("POST", path, json={"alert_ids": alert_ids}, creates=True)

    def put_service_map(self, services: dict[str, list[str]]) -> Item:
        """Service -> what it depends on, in place of the map before."""
        return self._item("PUT", "/v1/service-map", json={"services": services})

    def settings(self) -> Item:
        """When somebody is told of an incident, and when it is over."""
        return self._item("GET", "/v1/incident-settings")

    def put_settings(self, settings: Item) -> Item:
        """For what arrives from now on; what is left out takes its default."""
        return self._item("PUT", "/v1/incident-settings", json=settings)

    def retention(self, days: int | None = None) -> Item:
        """How long what is over is kept, what went, and what would go by these days or those that hold."""
        return self._item("GET", "/v1/incidents/retention", params={"days": days} if days else None)

    def put_retention(self, days: int | None) -> Item:
        """Removes what is over and older, for good; None: nothing."""
        return self._item("PATCH", "/v1/incidents/retention", json={"keep_days": days})

    def change_settings(self, some: Item) -> Item:
        """These; the others stay as they are."""
        return self.put_settings(self.settings() | some)

    def maintenance_windows(self) -> Iterator[Item]:
        """Times in which nobody is told, newest first."""
        return self._api.pages("/v1/maintenance-windows", {"limit": 200})

    def add_maintenance(self, window: Item) -> Item:
        """reason, starts_at and ends_at (ISO 8601, with time zone), services and environments."""
        return self._item("POST", "/v1/maintenance-windows", json=window, creates=True)

    def end_maintenance(self, window_id: str) -> None:
        """Ends it now."""
        self._api.call("DELETE", f"/v1/maintenance-windows/{window_id}")

    def _item(self, method: str, path: str, **request: Any) -> Item:
        answer: Item = self._api.call(method, path, **request)
        return answer
