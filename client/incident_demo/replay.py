"""Sends a storm, each delivery signed when it is sent, at the pace of the storm or faster."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx

from client.incident_demo.stage import Door
from client.session import default_http
from client.storm import StormAlert, Vendor, signed

SENDERS = 8
TRIES = 4


@dataclass
class Sent:
    """How far it is."""

    total: int
    taken: int = 0
    refused: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *, taken: bool) -> None:
        """One more was answered."""
        with self.lock:
            self.taken += taken
            self.refused += not taken


def replay(alerts: Sequence[StormAlert], doors: dict[Vendor, Door], *, speed: float, sent: Sent) -> None:
    """Returns once every delivery was answered; one that was not taken is sent again, as tools do."""
    began, first_s = time.monotonic(), alerts[0].at_s
    with default_http() as http, ThreadPoolExecutor(SENDERS) as senders:
        for alert in alerts:
            wait_s = (alert.at_s - first_s) / speed - (time.monotonic() - began)
            time.sleep(max(0.0, wait_s))
            senders.submit(_send, http, alert, doors[alert.vendor], sent)


def _send(http: httpx.Client, alert: StormAlert, door: Door, sent: Sent) -> None:
    body, headers = signed(alert, door.secret)
    for left in reversed(range(TRIES)):
        try:
            taken = http.post(door.url, content=body, headers=headers, timeout=10).status_code == 202
        except httpx.TransportError:
            taken = False
        if taken or not left:
            break
        time.sleep(0.5)
    sent.add(taken=taken)
