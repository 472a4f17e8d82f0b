"""Calls about concepts: marked, trained, kept, shared."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from client.errors import NotFoundError, StillIndexingError
from client.transport import Transport

Item = dict[str, Any]
_POLL_S = 0.3


class Concepts:
    """A connection's concepts: `sightline.concepts`. A concept is named by its name or id."""

    def __init__(self, api: Transport, *, sleep: Callable[[float], None]) -> None:
        self._api = api
        self._sleep = sleep

    def create(self, name: str, *, description: str = "", **marks: Any) -> Item:
        """A new concept; marks: yes, no (frames), yes_tags, no_tags."""
        body = {"name": name, "description": description, **marks}
        answer: Item = self._api.call("POST", "/v1/concepts", json=body, creates=True)
        return answer

    def all(self) -> Iterator[Item]:
        """In order of names."""
        return self._api.pages("/v1/concepts", {})

    def find(self, concept: str) -> Item:
        """By name, else by id. Raises: NotFoundError."""
        named: Item = self._api.call("GET", "/v1/concepts", params={"name": concept})
        if named["items"]:
            found: Item = named["items"][0]
            return found
        if len(concept) != 36:
            raise NotFoundError(status=404, code="not-found", detail=f"There is no concept {concept}.")
        answer: Item = self._api.call("GET", f"/v1/concepts/{concept}")
        return answer

    def mark(self, concept: str, **marks: Any) -> Item:
        """marks: yes, no, remove (frames), yes_tags, no_tags."""
        answer: Item = self._api.call("POST", f"{self._path(concept)}/marks", json=marks)
        return answer

    def marks(self, concept: str) -> Iterator[Item]:
        """What is marked."""
        return self._api.pages(f"{self._path(concept)}/marks", {})

    def train(self, concept: str, *, timeout_s: float = 300.0) -> Item:
        """Teaches a new version, and waits for its figures. Raises: StillIndexingError."""
        path = self._path(concept)
        begun: Item = self._api.call("POST", f"{path}/train")
        ends_at = time.monotonic() + timeout_s
        while True:
            version: Item = self._api.call("GET", f"{path}/versions/{begun['version']}")
            if version["status"] != "queued":
                return version
            if time.monotonic() > ends_at:
                raise StillIndexingError(f"It is still being trained after {timeout_s:.0f} s.")
            self._sleep(_POLL_S)

    def keep(self, concept: str, *, version: int | None = None, bar: float | None = None) -> Item:
        """Searches and tags with a version from now on; with the latest where none is named."""
        found = self.find(concept)
        number = version or found["last_version"]
        body = {} if bar is None else {"bar": bar}
        path = f"/v1/concepts/{found['id']}/versions/{number}/keep"
        answer: Item = self._api.call("POST", path, json=body)
        return answer

    def apply(self, concept: str) -> Item:
        """Goes through everything indexed once more."""
        answer: Item = self._api.call("POST", f"{self._path(concept)}/apply")
        return answer

    def hits(self, concept: str, *, limit: int = 20) -> Sequence[Item]:
        """The surest moments."""
        answer: Item = self._api.call("GET", f"{self._path(concept)}/hits", params={"limit": limit})
        items: list[Item] = answer["items"]
        return items

    def export(self, concept: str, *, version: int | None = None) -> Item:
        """The whole concept as one document."""
        params = {"version": version} if version else None
        answer: Item = self._api.call("GET", f"{self._path(concept)}/export", params=params)
        return answer

    def take_in(self, document: Item) -> Item:
        """A new concept out of an export."""
        answer: Item = self._api.call("POST", "/v1/concepts/import", json=document, creates=True)
        return answer

    def delete(self, concept: str) -> None:
        """Forgets it, and takes its tag off every video."""
        self._api.call("DELETE", self._path(concept))

    def _path(self, concept: str) -> str:
        return f"/v1/concepts/{self.find(concept)['id']}"
