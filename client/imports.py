"""Calls about imports, and about what was deleted."""

from collections.abc import Callable, Iterator
from typing import Any

from client.errors import JobFailedError
from client.transport import Retry, Transport

Item = dict[str, Any]
RUNNING = ("listing", "fetching")
_FIRST_POLL_S, _LONGEST_POLL_S = 0.2, 2.0


class Imports:
    """A connection's imports: `sightline.imports`."""

    def __init__(self, api: Transport, *, retry: Retry) -> None:
        self._api, self._retry = api, retry

    def start(self, request: Item) -> Item:
        """Begins one: bucket, prefix or keys; docs/imports.md has the rest."""
        made: Item = self._api.call("POST", "/v1/imports", json=request, creates=True)
        return made

    def list(self) -> Iterator[Item]:
        """All of them, newest first."""
        return self._api.pages("/v1/imports", {})

    def get(self, import_id: str) -> Item:
        """One, with its counts."""
        found: Item = self._api.call("GET", f"/v1/imports/{import_id}")
        return found

    def report(self, import_id: str, *, status: str | None = None) -> Iterator[Item]:
        """What became of each object."""
        return self._api.pages(f"/v1/imports/{import_id}/objects", {"status": status, "limit": 200})

    def cancel(self, import_id: str) -> Item:
        """Stops it; what was registered stays."""
        found: Item = self._api.call("POST", f"/v1/imports/{import_id}/cancel")
        return found

    def wait(self, import_id: str, *, on_progress: Callable[[Item], None] | None = None) -> Item:
        """Until every object is settled; indexing goes on behind it. Raises: JobFailedError."""
        poll_s = _FIRST_POLL_S
        while True:
            found = self.get(import_id)
            if on_progress:
                on_progress(found)
            if found["status"] not in RUNNING:
                break
            self._retry.sleep(poll_s)
            poll_s = min(_LONGEST_POLL_S, poll_s * 1.3)
        if found["status"] != "done":
            reason = found["failure"]["reason"] if found["failure"] else f"It is {found['status']}."
            raise JobFailedError(f"Import {import_id}: {reason}")
        return found


class Erasures:
    """A connection's deletions and their proof: `sightline.erasures`."""

    def __init__(self, api: Transport, *, retry: Retry) -> None:
        self._api, self._retry = api, retry

    def asset(self, asset_id: str) -> str:
        """Deletes a video; the id of its report."""
        answer: Item = self._api.call("DELETE", f"/v1/assets/{asset_id}")
        return str(answer["erasure_id"])

    def workspace(self, workspace_id: str) -> str:
        """Deletes the workspace that the connection is in; the id of its report."""
        answer: Item = self._api.call("DELETE", f"/v1/workspaces/{workspace_id}")
        return str(answer["erasure_id"])

    def list(self) -> Iterator[Item]:
        """The workspace's, newest first."""
        return self._api.pages("/v1/erasures", {})

    def get(self, erasure_id: str, *, mine: bool = False) -> Item:
        """One of the workspace's; mine: one that the caller asked for, in a workspace that may be gone."""
        path = f"/v1/users/me/erasures/{erasure_id}" if mine else f"/v1/erasures/{erasure_id}"
        found: Item = self._api.call("GET", path, in_workspace=not mine)
        return found

    def wait(self, erasure_id: str, *, mine: bool = False) -> Item:
        """Until nothing is left."""
        poll_s = _FIRST_POLL_S
        while (found := self.get(erasure_id, mine=mine))["status"] != "done":
            self._retry.sleep(poll_s)
            poll_s = min(_LONGEST_POLL_S, poll_s * 1.3)
        return found

    def retention(self, workspace_id: str) -> Item:
        """The workspace, and how many days it keeps videos."""
        found: Item = self._api.call("GET", f"/v1/workspaces/{workspace_id}")
        return found

    def set_retention(self, workspace_id: str, days: int | None) -> Item:
        """Videos registered longer ago are deleted; None: never."""
        body = {"retention_days": days}
        changed: Item = self._api.call("PATCH", f"/v1/workspaces/{workspace_id}", json=body)
        return changed
