"""One run of the demo, from the first delivery to the last line."""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.live import Live

from client.api import Sightline
from client.errors import StormLostError
from client.incident_demo import view
from client.incident_demo.receiver import Slack
from client.incident_demo.replay import Sent, replay
from client.incident_demo.stage import new_workspace, open_doors, read_runbooks, tell
from client.storm import StormAlert, family, storm
from client.storm.weather import BEGAN

HOURS, OUTAGES, NOISE_AN_HOUR = 0.6, 3, 8.0
READ_WITHIN_S, TOLD_WITHIN_S = 45.0, 15.0
LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Counts:
    """What the last line says."""

    alerts_in: int
    alerts: int
    duplicates: int
    incidents: int
    resolved: int
    notifications: int
    runbooks: int
    cited_sentences: int
    seconds: float


def storm_of(seed: int, began: datetime = BEGAN) -> list[StormAlert]:
    """The demo's: three outages within a good half hour."""
    return storm(seed, began=began, hours=HOURS, outages=OUTAGES, noise_an_hour=NOISE_AN_HOUR)


class Demo:
    """One run."""

    def __init__(self, sightline: Sightline, slack: Slack, console: Console) -> None:
        self._sightline = sightline
        self._slack = slack
        self._console = console

    def run(self, *, seed: int, speed: float) -> Counts:
        """All of it, in order. Raises: StormLostError when a delivery was not taken or not read."""
        began = time.monotonic()
        runbooks = self._prepare()
        alerts = self._storm(seed)
        self._play(alerts, speed)
        self._console.print()
        incident = self._largest()
        self._summarise(incident)
        cited = self._ask(incident)
        notifications = self._wait_told()
        view.show_message(self._console, self._message_about(incident))
        return self._count(len(alerts), runbooks, cited, notifications, time.monotonic() - began)

    def _prepare(self) -> int:
        new_workspace(self._sightline)
        tell(self._sightline, family(), self._slack)
        with self._console.status("Reading our runbooks"):
            return read_runbooks(self._sightline)

    def _storm(self, seed: int) -> list[StormAlert]:
        """One that ends now: the same seed is equally long whenever it begins."""
        length_s = storm_of(seed)[-1].at_s
        alerts = storm_of(seed, datetime.now(UTC) - timedelta(seconds=length_s))
        vendors = sorted({alert.vendor for alert in alerts})
        self._console.print(f"{len(alerts)} deliveries of {', '.join(vendors)}, signed as they are sent.\n")
        return alerts

    def _play(self, alerts: list[StormAlert], speed: float) -> None:
        doors = open_doors(self._sightline, sorted({alert.vendor for alert in alerts}))
        sent = Sent(len(alerts))
        sender = threading.Thread(
            target=replay, args=(alerts, doors), kwargs={"speed": speed, "sent": sent}, daemon=True
        )
        sender.start()
        with Live(console=self._console, refresh_per_second=4) as live:
            while sender.is_alive():
                self._look(live, sent)
                time.sleep(LOOK_EVERY_S)
            self._until(lambda: self._read() >= sent.taken or None, READ_WITHIN_S, "reading every delivery")
            self._look(live, sent)
        if sent.refused:
            raise StormLostError(f"{sent.refused} of {sent.total} deliveries were not taken.")

    def _look(self, live: Live, sent: Sent) -> None:
        shown = [one for one in self._sightline.incidents.newest() if one["status"] != "gathering"]
        live.update(view.forming(shown, taken=sent.taken, total=sent.total))

    def _read(self) -> int:
        return sum(1 for _ in self._sightline.alerts.all_deliveries())

    def _largest(self) -> dict[str, Any]:
        shown = [one for one in self._sightline.incidents.newest(limit=200) if one["status"] != "merged"]
        if not shown:
            raise StormLostError("No incident came of it.")
        return max(shown, key=lambda one: (one["alert_count"], one["number"]))

    def _summarise(self, incident: dict[str, Any]) -> None:
        view.show_summary(self._console, incident, self._sightline.summaries.write(incident["id"]))

    def _ask(self, incident: dict[str, Any]) -> int:
        what = re.sub(r"^\[.*?\] ", "", incident["title"])
        question = f"{what}: what do I check first, and how do I stop it?"
        sentences: list[dict[str, Any]] = []
        status = "queued"
        for told in self._sightline.copilot.ask(question, incident_id=incident["id"]):
            sentences += told["sentences"]
            status = told["status"]
        view.show_answer(self._console, question, sentences, status=status)
        return len(sentences)

    def _wait_told(self) -> int:
        """How many notifications were sent, once none is on its way."""

        def settled() -> list[dict[str, Any]] | None:
            found = list(self._sightline.notifications.all_notifications())
            busy = [one for one in found if one["status"] in ("pending", "sending")]
            return found if found and not busy else None

        told = self._until(settled, TOLD_WITHIN_S, "telling Slack")
        return sum(one["status"] == "sent" for one in told)

    def _message_about(self, incident: dict[str, Any]) -> dict[str, Any] | None:
        """The first: what it was told as when it opened."""
        return next(iter(self._slack.about(incident["number"])), None)

    def _count(self, sent: int, runbooks: int, cited: int, notifications: int, seconds: float) -> Counts:
        alerts = list(self._sightline.alerts.all_alerts())
        deliveries = list(self._sightline.alerts.all_deliveries())
        repeated = sum(one["outcome"] == "repeated" for one in deliveries)
        shown = [one for one in self._sightline.incidents.newest(limit=200) if one["status"] != "gathering"]
        shown = [one for one in shown if one["status"] != "merged"]
        return Counts(
            alerts_in=sent,
            alerts=len(alerts),
            duplicates=repeated + sum(one["occurrences"] - 1 for one in alerts),
            incidents=len(shown),
            resolved=sum(one["status"] == "resolved" for one in shown),
            notifications=notifications,
            runbooks=runbooks,
            cited_sentences=cited,
            seconds=round(seconds, 1),
        )

    def _until(self, look: Callable[[], Any], within_s: float, what: str) -> Any:
        """The first true thing that `look` gives. Raises: StormLostError."""
        ends = time.monotonic() + within_s
        while not (seen := look()):
            if time.monotonic() > ends:
                raise StormLostError(f"{what} took longer than {within_s:.0f} s.")
            time.sleep(LOOK_EVERY_S)
        return seen
