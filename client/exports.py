"""Calls about exports: moments as full-resolution frames and clips in one ZIP."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from client.errors import ApiError, JobFailedError, StorageError
from client.transport import Retry, Transport

Item = dict[str, Any]
OnBytes = Callable[[int, int], None]
RUNNING = ("queued", "preparing", "writing")
_CHUNK_BYTES = 1024 * 1024
_FIRST_POLL_S, _LONGEST_POLL_S = 0.2, 2.0


class Exports:
    """A connection's exports: `sightline.exports`."""

    def __init__(self, api: Transport, *, http: httpx.Client, retry: Retry) -> None:
        self._api, self._http, self._retry = api, http, retry

    def create(self, request: Item) -> Item:
        """Begins one: moments, search, search_id or asset_ids; docs/exports.md has the rest."""
        made: Item = self._api.call("POST", "/v1/exports", json=request, creates=True)
        return made

    def list(self) -> Iterator[Item]:
        """All of them, newest first."""
        return self._api.pages("/v1/exports", {})

    def get(self, export_id: str) -> Item:
        """One; `download` has its address while it is ready."""
        found: Item = self._api.call("GET", f"/v1/exports/{export_id}")
        return found

    def cancel(self, export_id: str) -> Item:
        """Stops it."""
        found: Item = self._api.call("POST", f"/v1/exports/{export_id}/cancel")
        return found

    def delete(self, export_id: str) -> None:
        """Removes it with its archive."""
        self._api.call("DELETE", f"/v1/exports/{export_id}")

    def wait(self, export_id: str, *, on_progress: Callable[[Item], None] | None = None) -> Item:
        """Until it is ready. Raises: JobFailedError."""
        poll_s = _FIRST_POLL_S
        while True:
            found = self.get(export_id)
            if on_progress:
                on_progress(found)
            if found["status"] == "ready":
                return found
            if found["status"] not in RUNNING:
                reason = found["failure"]["reason"] if found["failure"] else f"It is {found['status']}."
                raise JobFailedError(f"Export {found['name']}: {reason}")
            self._retry.sleep(poll_s)
            poll_s = min(_LONGEST_POLL_S, poll_s * 1.3)

    def download(self, export_id: str, target: Path, *, on_bytes: OnBytes | None = None) -> Path:
        """The ZIP; an interrupted download goes on where it stopped. Raises: StorageError, JobFailedError."""
        partial = target.with_name(f"{target.name}.part")
        for attempt in range(self._retry.tries):
            found = self.wait(export_id)
            try:
                self._fetch(found, partial, on_bytes)
            except (httpx.TransportError, ApiError) as error:
                if attempt + 1 == self._retry.tries:
                    raise StorageError(f"The archive cannot be fetched ({error}).") from error
                self._retry.wait(attempt, None)
            else:
                break
        if partial.stat().st_size != found["size_bytes"]:
            raise StorageError("The archive that arrived has another size than it should.")
        partial.replace(target)
        return target

    def _fetch(self, found: Item, partial: Path, on_bytes: OnBytes | None) -> None:
        done, total = partial.stat().st_size if partial.exists() else 0, found["size_bytes"]
        if done >= total:
            return
        headers = {"Range": f"bytes={done}-"}
        with self._http.stream("GET", found["download"]["url"], headers=headers, timeout=60) as response:
            if response.is_error:
                raise StorageError(f"Storage answered {response.status_code}.")
            with partial.open("ab" if response.status_code == httpx.codes.PARTIAL_CONTENT else "wb") as file:
                for piece in response.iter_bytes(_CHUNK_BYTES):
                    file.write(piece)
                    if on_bytes:
                        on_bytes(file.tell(), total)
