"""Calls about runbooks, and about what they say."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from client.transport import Transport

Item = dict[str, Any]
POLL_S, SLOWEST_POLL_S = 0.2, 3.0


class Copilot:
    """A connection's runbooks: `sightline.copilot`."""

    def __init__(self, api: Transport, *, sleep: Callable[[float], None]) -> None:
        self._api, self._sleep = api, sleep

    def read_runbooks(self, what: Mapping[str, Any], *, collection: str = "default") -> Item:
        """The whole of a collection: files, a zip, or a bucket and prefix; returns once it is read."""
        request = {"collection": collection, **what}
        told: Item = self._api.call("POST", "/v1/runbooks", json=request, creates=True)
        pause_s = POLL_S
        while told["status"] in ("queued", "working"):
            self._sleep(pause_s)
            pause_s = min(1.5 * pause_s, SLOWEST_POLL_S)
            told = self._api.call("GET", f"/v1/runbook-ingests/{told['id']}")
        return told

    def runbooks(self, *, collection: str | None = None) -> Iterator[Item]:
        """All of them, newest first."""
        return self._api.pages("/v1/runbooks", {"limit": 200, "collection": collection})

    def remove_runbook(self, runbook_id: str) -> None:
        """No answer cites it any more; those that did keep their quotes."""
        self._api.call("DELETE", f"/v1/runbooks/{runbook_id}")

    def give_feedback(self, answer_id: str, verdict: str, note: str | None = None) -> Item:
        """useful or wrong; the last word of each person counts."""
        said = {"verdict": verdict} | ({"note": note} if note else {})
        kept: Item = self._api.call("POST", f"/v1/copilot/{answer_id}/feedback", json=said)
        return kept

    def feedback(self, *, days: int = 30) -> Item:
        """What was thought of answers, by runbook and day."""
        report: Item = self._api.call("GET", "/v1/copilot-feedback", params={"days": days})
        return report

    def ask(
        self, question: str, *, incident_id: str | None = None, conversation: str | None = None
    ) -> Iterator[Item]:
        """The answer as far as it is written, again and again until it is done."""
        request = {"question": question, "incident_id": incident_id, "conversation": conversation}
        told: Item = self._api.call("POST", "/v1/copilot", json=request, creates=True)
        yield told
        while not told["done"]:
            after = {"after": told["next_after"]}
            told = self._api.call("GET", f"/v1/copilot/{told['id']}", params=after)
            yield told
