"""Calls about summaries of incidents."""

import time
from collections.abc import Callable
from typing import Any

from client.errors import JobFailedError
from client.transport import Transport

Item = dict[str, Any]
POLL_S = 1.0
WAIT_S = 120.0
"""Longer than a queue and a model take together."""


class Summaries:
    """A connection's summaries: `sightline.summaries`."""

    def __init__(self, api: Transport, *, sleep: Callable[[float], None]) -> None:
        self._api, self._sleep = api, sleep

    def latest(self, incident_id: str) -> Item:
        """The last that was written."""
        found: Item = self._api.call("GET", f"/v1/incidents/{incident_id}/summary")
        return found

    def history(self, incident_id: str, *, limit: int = 50) -> list[Item]:
        """Newest first."""
        page: Item = self._api.call("GET", f"/v1/incidents/{incident_id}/summaries", params={"limit": limit})
        items: list[Item] = page["items"]
        return items

    def write(self, incident_id: str) -> Item:
        """One of what the incident is now, written unless the last says it all. Raises: JobFailedError."""
        asked: Item = self._api.call("POST", f"/v1/incidents/{incident_id}/summary", creates=True)
        until = time.monotonic() + WAIT_S
        while True:
            found = self.history(incident_id, limit=1)
            if found and (asked["current"] or found[0]["of_version"] >= asked["of_version"]):
                return found[0]
            if time.monotonic() > until:
                raise JobFailedError("The summary is not written yet; look again in a moment.")
            self._sleep(POLL_S)
