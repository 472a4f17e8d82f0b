"""Calls about recorded and saved searches."""

from collections.abc import Iterator
from typing import Any

from client.errors import NotFoundError
from client.shapes import Found
from client.transport import Transport

Item = dict[str, Any]


class Searches:
    """A connection's searches: `sightline.searches`. A saved search is named by its name or id."""

    def __init__(self, api: Transport) -> None:
        self._api = api

    def recorded(self, *, limit: int = 20, **where: Any) -> list[Item]:
        """The newest; where: text, found, since, until, saved_search_id."""
        asked = {name: value for name, value in where.items() if value is not None}
        answer: Item = self._api.call("GET", "/v1/searches", params={"limit": limit, **asked})
        items: list[Item] = answer["items"]
        return items

    def show(self, search_id: str) -> Item:
        """A recorded one, with the moments that it showed: results."""
        answer: Item = self._api.call("GET", f"/v1/searches/{search_id}")
        return answer

    def repeat(self, search_id: str, *, limit: int | None = None) -> Found:
        """A recorded question again, of what is indexed now."""
        body = {} if limit is None else {"limit": limit}
        return Found.of(self._api.call("POST", f"/v1/searches/{search_id}/repeat", json=body))

    def save(self, name: str, *, standing: bool = False, bar: float | None = None, **question: Any) -> Item:
        """A search under a name; question: request, or search_id of a recorded one."""
        body = {"name": name, "standing": standing, **question} | ({} if bar is None else {"bar": bar})
        answer: Item = self._api.call("POST", "/v1/saved-searches", json=body, creates=True)
        return answer

    def saved(self) -> Iterator[Item]:
        """In order of names."""
        return self._api.pages("/v1/saved-searches", {})

    def find(self, saved: str) -> Item:
        """By name, else by id. Raises: NotFoundError."""
        named: Item = self._api.call("GET", "/v1/saved-searches", params={"name": saved})
        if named["items"]:
            found: Item = named["items"][0]
            return found
        if len(saved) != 36:
            raise NotFoundError(status=404, code="not-found", detail=f"There is no saved search {saved}.")
        answer: Item = self._api.call("GET", f"/v1/saved-searches/{saved}")
        return answer

    def run(self, saved: str, *, limit: int | None = None) -> Found:
        """Asks a saved search now."""
        body = {} if limit is None else {"limit": limit}
        return Found.of(self._api.call("POST", f"{self._path(saved)}/run", json=body))

    def change(self, saved: str, **change: Any) -> Item:
        """name, request, standing, bar: what is given takes the place of what was."""
        given = {name: value for name, value in change.items() if value is not None}
        answer: Item = self._api.call("PATCH", self._path(saved), json=given)
        return answer

    def delete(self, saved: str) -> None:
        """Forgets a saved search; its runs stay recorded."""
        self._api.call("DELETE", self._path(saved))

    def matches(self, saved: str, *, limit: int = 50) -> list[Item]:
        """What a standing search found by itself, newest first."""
        answer: Item = self._api.call("GET", f"{self._path(saved)}/matches", params={"limit": limit})
        items: list[Item] = answer["items"]
        return items

    def label(self, search_id: str, labels: list[Item]) -> Item:
        """Right or wrong; a label: asset_id, time_s (the moment's peak), right."""
        path = f"/v1/searches/{search_id}/labels"
        answer: Item = self._api.call("POST", path, json={"labels": labels})
        return answer

    def precision(self, saved: str, *, k: int = 10) -> Item:
        """Precision at k of each run."""
        answer: Item = self._api.call("GET", f"{self._path(saved)}/precision", params={"k": k})
        return answer

    def analytics(self, *, bucket: str = "day", since: str | None = None, until: str | None = None) -> Item:
        """Counts, latencies, what was asked and what was not found."""
        asked = {"bucket": bucket, "since": since, "until": until}
        params = {name: value for name, value in asked.items() if value is not None}
        answer: Item = self._api.call("GET", "/v1/searches/analytics", params=params)
        return answer

    def _path(self, saved: str) -> str:
        return f"/v1/saved-searches/{self.find(saved)['id']}"
