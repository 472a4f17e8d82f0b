"""The Python client: every call of the public HTTP API that the command uses."""

import mimetypes
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from client.accounts import Accounts
from client.alerts import Alerts
from client.concepts import Concepts
from client.copilot import Copilot
from client.credentials import Credentials, UnfinishedUploads
from client.errors import ApiError, IndexingError, StillIndexingError, StorageError
from client.exports import Exports
from client.imports import Erasures, Imports
from client.incidents import Incidents
from client.notifications import Notifications
from client.searches import Searches
from client.session import Session, default_http, find_api_url
from client.shapes import Asset, Created, Found, Sheet
from client.summaries import Summaries
from client.transport import Retry, Transport
from client.uploads import OnBytes, SignedAddresses, send
from client.webhooks import Webhooks

# mimetypes of Python 3.11 does not know these containers.
_CONTENT_TYPES = {".mkv": "video/x-matroska", ".ts": "video/mp2t", ".m4v": "video/x-m4v"}
# Deleted, finished elsewhere, or not finished in time: the file is then uploaded as a new one.
_UPLOAD_IS_GONE = (404, 409, 410)
# A short video is soon done; a long one is asked about once a second.
_FIRST_POLL_S, _LONGEST_POLL_S = 0.1, 1.0


def content_type_of(name: str) -> str:
    """What the name says the file is; the server looks into it anyway."""
    known = _CONTENT_TYPES.get(Path(name).suffix.lower())
    return known or mimetypes.guess_type(name)[0] or "application/octet-stream"


class Sightline:
    """A connection to one Sightline.

    >>> with Sightline("https://...", api_key="slk_...", workspace_id="...") as sightline:
    ...     video = sightline.wait(sightline.upload(Path("drive.mp4"), tags=["wet"]).id)
    ...     found = sightline.search("pedestrian crossing at night")

    Without an API key it uses what `sightline login` kept, and keeps what login() gives.
    Raises: everything in client.errors.
    """

    def __init__(
        self,
        api_url: str | None = None,
        *,
        api_key: str | None = None,
        workspace_id: str | None = None,
        http: httpx.Client | None = None,
        config_dir: Path | None = None,
        retry: Retry | None = None,
    ) -> None:
        credentials = Credentials(config_dir)
        self.api_url = find_api_url(api_url, credentials)
        self.session = Session(
            self.api_url, credentials=credentials, api_key=api_key, workspace_id=workspace_id
        )
        self._unfinished = UnfinishedUploads(config_dir)
        self._http = http or default_http()
        self._retry = retry or Retry()
        self._api = Transport(
            self.api_url,
            http=self._http,
            token=self.session.token,
            renew=self.session.renew,
            workspace_id=self.session.workspace_id,
            retry=self._retry,
        )
        self.accounts = Accounts(self._api, self.session)
        self.alerts = Alerts(self._api)
        self.incidents = Incidents(self._api)
        self.notifications = Notifications(self._api)
        self.copilot = Copilot(self._api, sleep=self._retry.sleep)
        self.exports = Exports(self._api, http=self._http, retry=self._retry)
        self.imports = Imports(self._api, retry=self._retry)
        self.erasures = Erasures(self._api, retry=self._retry)
        self.concepts = Concepts(self._api, sleep=self._retry.sleep)
        self.searches = Searches(self._api)
        self.webhooks = Webhooks(self._api)
        self.summaries = Summaries(self._api, sleep=self._retry.sleep)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    # Assets

    def assets(
        self, *, status: str | None = None, tag: str | None = None, metadata: dict[str, Any] | None = None
    ) -> Iterator[Asset]:
        """The workspace's videos, newest first."""
        params = {"status": status, "tag": tag, **{f"meta.{k}": v for k, v in (metadata or {}).items()}}
        for item in self._api.pages("/v1/assets", params):
            yield Asset.of(item)

    def asset(self, asset_id: str) -> Asset:
        """One video."""
        return Asset.of(self._api.call("GET", f"/v1/assets/{asset_id}"))

    def change_asset(self, asset_id: str, **change: Any) -> Asset:
        """Another name, captured_at, tags or metadata; the latter two take the place of what was there."""
        return Asset.of(self._api.call("PATCH", f"/v1/assets/{asset_id}", json=change))

    def delete_asset(self, asset_id: str) -> None:
        """Delete a video with its vectors and objects; the server finishes that in the background."""
        self._api.call("DELETE", f"/v1/assets/{asset_id}")

    def upload(
        self,
        path: Path,
        *,
        name: str | None = None,
        metadata: dict[str, Any] | None = None,
        tags: Sequence[str] = (),
        interval_s: float | None = None,
        captured_at: str | None = None,
        on_bytes: OnBytes | None = None,
    ) -> Asset:
        """Upload a video; one that was interrupted goes on where it stopped."""
        stat = path.stat()
        key = (
            f"{self.api_url} {self.session.workspace_id()} {path.resolve()} {stat.st_size} {stat.st_mtime_ns}"
        )
        created = self._resumable(key)
        if created is None:
            about: dict[str, Any] = {
                "name": name or path.name,
                "metadata": metadata or {},
                "tags": list(tags),
            }
            about |= {"interval_s": interval_s, "captured_at": captured_at}
            created = self._create(path, stat.st_size, **about)
            self._unfinished.put(key, created.asset.id)
        addresses = SignedAddresses(self._api, created.asset.id)
        send(path, created.upload, addresses, http=self._http, retry=self._retry, report=on_bytes)
        self._unfinished.forget(key)
        return created.asset

    def _create(self, path: Path, size_bytes: int, **about: Any) -> Created:
        body = {"content_type": content_type_of(path.name), "size_bytes": size_bytes}
        body |= {field: value for field, value in about.items() if value is not None}
        return Created.of(self._api.call("POST", "/v1/assets", json=body, creates=True))

    def _resumable(self, key: str) -> Created | None:
        asset_id = self._unfinished.get(key)
        if asset_id is None:
            return None
        try:
            asset = self.asset(asset_id)
            if asset.status == "awaiting_upload":
                return Created(asset=asset, upload=SignedAddresses(self._api, asset_id).state())
        except ApiError as error:
            if error.status not in _UPLOAD_IS_GONE:
                raise
        return None

    def wait(
        self,
        asset_id: str,
        *,
        on_progress: Callable[[Asset], None] | None = None,
        timeout_s: float = 24 * 3600.0,
    ) -> Asset:
        """Wait until a video is searchable. Raises: IndexingError, StillIndexingError."""
        ends_at, poll_s = time.monotonic() + timeout_s, _FIRST_POLL_S
        while True:
            asset = self.asset(asset_id)
            if on_progress:
                on_progress(asset)
            if asset.status == "ready":
                return asset
            if asset.status in ("failed", "expired"):
                reason = asset.failure.reason if asset.failure else f"The asset is {asset.status}."
                raise IndexingError(f"{asset.name}: {reason}")
            if time.monotonic() > ends_at:
                raise StillIndexingError(f"{asset.name} is still {asset.status} after {timeout_s:.0f} s.")
            self._retry.sleep(poll_s)
            poll_s = min(_LONGEST_POLL_S, poll_s * 1.3)

    # Search

    def search(
        self,
        text: str,
        *,
        limit: int = 10,
        cursor: str | None = None,
        asset_ids: Sequence[str] = (),
        tags: Sequence[str] = (),
        metadata: dict[str, Any] | None = None,
    ) -> Found:
        """The moments that answer the question best, in order."""
        filters = {"asset_ids": list(asset_ids), "tags": list(tags), "metadata": metadata or {}}
        question = {"text": text, "filters": {name: value for name, value in filters.items() if value}}
        return self.ask(question, limit=limit, cursor=cursor)

    def ask(self, question: dict[str, Any], *, limit: int = 10, cursor: str | None = None) -> Found:
        """Any question: the body of POST /v1/search (docs/scenarios.md)."""
        body = {**question, "limit": limit} | ({"cursor": cursor} if cursor else {})
        return Found.of(self._api.call("POST", "/v1/search", json=body))

    def refine(self, search_id: str, *, limit: int = 10, **judged: list[dict[str, Any]]) -> Found:
        """A search again; more and less are frames: asset_id and time_s."""
        body = {**judged, "limit": limit}
        return Found.of(self._api.call("POST", f"/v1/searches/{search_id}/refine", json=body))

    def search_session(self, search_id: str) -> dict[str, Any]:
        """The rounds of a refined search."""
        answer: dict[str, Any] = self._api.call("GET", f"/v1/searches/{search_id}/session")
        return answer

    def act(self, search_id: str, action: dict[str, Any]) -> dict[str, Any]:
        """Begins a job on all results: action (tag, untag, delete), tags, min_relevance, most."""
        path = f"/v1/searches/{search_id}/actions"
        answer: dict[str, Any] = self._api.call("POST", path, json=action, creates=True)
        return answer

    def action(self, action_id: str) -> dict[str, Any]:
        """How far a job on all results is."""
        answer: dict[str, Any] = self._api.call("GET", f"/v1/search-actions/{action_id}")
        return answer

    def cancel_action(self, action_id: str) -> dict[str, Any]:
        """Stops a job on all results."""
        answer: dict[str, Any] = self._api.call("DELETE", f"/v1/search-actions/{action_id}")
        return answer

    def sheet(self, sheet: Sheet) -> bytes:
        """The JPEG of a contact sheet."""
        try:
            response = self._http.get(sheet.url).raise_for_status()
        except httpx.HTTPError as error:
            raise StorageError(f"The found frames cannot be fetched ({error}).") from error
        return response.content
