"""From a webhook to an incident that is shown: `python -m benchmarks.incident_flow`.

1,000 deliveries a minute for five minutes over HTTP into the local cloud, in a workspace that has 15,000
alerts. Every three seconds one more is of a service that nobody has heard of, and the list of incidents is
asked until it is there. For all others the database knows when they came and when they joined. Then people
change incidents and turn pages.
"""

import argparse
import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from uuid import uuid4

import httpx

from benchmarks import incident_history
from benchmarks.cloud import LOCAL_CODE, Cloud, running_cloud
from benchmarks.counting import enter
from benchmarks.endpoint.load import percentile
from benchmarks.intake import wait_read
from benchmarks.report import machine, table, verdict
from benchmarks.senders import Door, doors, request_of, steadily
from client.storm import Family, Vendor, family, storm
from sightline.database import transaction

STORED, A_MINUTE = 15_000, 1000
PROBE_EVERY_S, SEEN_WITHIN_S, LOOK_EVERY_S = 3.0, 60.0, 0.1
CHANGES, PAGES, KEYS = 200, 60, 8
BAR_MS = 100.0


def own_services(number: int) -> Family:
    """A company of its own in the same workspace: no outage touches another's."""
    plain = family()
    named = {name: f"{name}-{number}" for name in plain.services}
    services = {
        named[name]: one.model_copy(update={"calls": [named[other] for other in one.calls], "aka": {}})
        for name, one in plain.services.items()
    }
    kinds = {
        name: kind.model_copy(update={"roots": [named[root] for root in kind.roots]})
        for name, kind in plain.kinds.items()
    }
    return plain.model_copy(update={"services": services, "kinds": kinds})


def endless(to: dict[Vendor, Door]) -> Iterator[bytes]:
    """Storm after storm, each of services of its own and of the last hour."""
    for number in count():
        began = datetime.now(UTC) - timedelta(hours=1)
        for alert in storm(5000 + number, of=own_services(number), began=began, hours=0.4, outages=5):
            if alert.vendor in to:
                yield request_of(alert, to[alert.vendor])


class Probe(threading.Thread):
    """Sends an alert of a new service every few seconds, and asks for incidents until it is among them."""

    def __init__(self, cloud: Cloud, door: Door, caller: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.seconds: list[float] = []
        self._url, self._door, self._caller = cloud.sightline.api_url, door, caller
        self._ended = threading.Event()

    def run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=30) as http:
            while not self._ended.wait(PROBE_EVERY_S):
                self.seconds.append(self._one(http))

    def end(self) -> None:
        """After the one that is on its way."""
        self._ended.set()
        self.join()

    def _one(self, http: httpx.Client) -> float:
        name = f"probe-{uuid4().hex[:12]}"
        body = {"monitor_id": name, "title": name, "alert_transition": "Triggered", "priority": "P1"}
        began = time.perf_counter()
        sent = http.post(
            self._door.path,
            json=body | {"tags": f"service:{name},env:{name}"},
            headers={"X-Sightline-Secret": self._door.secret},
        )
        assert sent.status_code == 202, sent.text
        while (took_s := time.perf_counter() - began) < SEEN_WITHIN_S:
            page = http.get("/v1/incidents", params={"limit": 20}, headers=self._caller).raise_for_status()
            if any(name in one["services"] for one in page.json()["items"]):
                return time.perf_counter() - began
            time.sleep(LOOK_EVERY_S)
        return took_s


@contextmanager
def probing(cloud: Cloud, door: Door, caller: dict[str, str]) -> Iterator[Probe]:
    """Until the end of the block."""
    probe = Probe(cloud, door, caller)
    probe.start()
    try:
        yield probe
    finally:
        probe.end()


def joined_s(workspace_id: str, since: datetime) -> list[float]:
    """From the door to the transaction that first put it into an incident, for each new alert."""
    with transaction(workspace_id) as conn:
        rows = conn.execute(
            "SELECT extract(epoch FROM min(e.at) - a.received_at)::float AS s FROM incident_event e"
            " JOIN alert a ON a.id = (e.after->>'alert_id')::uuid"
            " WHERE e.kind = 'alert_joined' AND a.received_at >= %s GROUP BY a.id",
            (since,),
        ).fetchall()
    return sorted(row["s"] for row in rows)


def timed(http: httpx.Client, method: str, path: str, caller: dict[str, str], **more: object) -> float:
    """One call; milliseconds."""
    began = time.perf_counter()
    http.request(method, path, headers=caller, **more).raise_for_status()  # type: ignore[arg-type]
    return (time.perf_counter() - began) * 1000


def people(cloud: Cloud, callers: Iterator[dict[str, str]]) -> list[list[str]]:
    """Status changes and pages of lists, one after the other."""
    rows = []
    with httpx.Client(base_url=cloud.sightline.api_url, timeout=30) as http:
        open_ones = http.get(
            "/v1/incidents", params={"limit": 100, "status": "open"}, headers=next(callers)
        ).json()["items"]
        words = cycle(("investigating", "resolved", "open"))
        chosen = cycle(one["id"] for one in open_ones)
        took = [
            timed(http, "PATCH", f"/v1/incidents/{next(chosen)}", next(callers), json={"status": next(words)})
            for _ in range(CHANGES)
        ]
        rows.append(row("PATCH status", took[4:]))
        for name, path in (
            ("incidents, first page", "/v1/incidents?limit=50"),
            ("incidents, open ones", "/v1/incidents?limit=50&status=open"),
            ("alerts, first page", "/v1/alerts?limit=50"),
            ("alerts of one service", "/v1/alerts?limit=50&service=service-7"),
            ("an incident's timeline", f"/v1/incidents/{open_ones[0]['id']}/timeline?limit=50"),
        ):
            took = [timed(http, "GET", path, next(callers)) for _ in range(PAGES)]
            rows.append(row(name, took[4:]))
        rows.append(row("incidents, page after page", list(leafed(http, callers))))
    return rows


def leafed(http: httpx.Client, callers: Iterator[dict[str, str]]) -> Iterator[float]:
    """Through the list to its end, or a hundred pages."""
    params: dict[str, str] = {"limit": "50"}
    for _ in range(100):
        began = time.perf_counter()
        page = http.get("/v1/incidents", params=params, headers=next(callers)).raise_for_status().json()
        yield (time.perf_counter() - began) * 1000
        if not page["next_cursor"]:
            return
        params["cursor"] = page["next_cursor"]


def row(name: str, values: Sequence[float], digits: int = 0) -> list[str]:
    """p50, p95, p99 and the worst."""
    found = sorted(values)
    figures = [percentile(found, share) for share in (0.5, 0.95, 0.99)]
    return [name, str(len(found)), *(f"{one:.{digits}f}" for one in (*figures, found[-1]))]


def a_new_workspace(cloud: Cloud) -> str:
    """Somebody with no past; signed in from now on."""
    accounts, email, password = cloud.sightline.accounts, f"{uuid4().hex}@example.com", f"Aa1-{uuid4().hex}"
    accounts.register(email, password, name="Benchmark")
    accounts.confirm(email, LOCAL_CODE)
    accounts.login(email, password)
    return cloud.workspace_id


def main() -> None:
    """Fills, sends, looks, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--stored", type=int, default=STORED)
    asked = parser.parse_args()
    about = machine()
    with running_cloud("incident_flow", fresh=True) as cloud:
        enter(cloud)
        workspace_id = a_new_workspace(cloud)
        incident_history.fill(workspace_id, alerts=asked.stored)
        names = [f"benchmark {number}" for number in range(KEYS)]
        keys = [cloud.sightline.accounts.create_api_key(name, role="editor").key for name in names]
        callers = cycle([{"authorization": f"Bearer {key}", "x-workspace-id": workspace_id} for key in keys])
        to, began = doors(cloud), datetime.now(UTC)
        with probing(cloud, to["datadog"], next(callers)) as probe:
            load = steadily(cloud.sightline.api_url, endless(to), rate=A_MINUTE / 60, seconds=asked.seconds)
            sent = asyncio.run(load)
        left_s = wait_read(cloud)
        joined = joined_s(workspace_id, began)
        rows = people(cloud, callers)
    header = ["what", "n", "p50", "p95", "p99", "worst"]
    print(
        f"{about}\n{asked.stored:,} alerts stored, {A_MINUTE:,} deliveries a minute for {asked.seconds:g} s\n"
    )
    print(f"answered {dict(sent.statuses)}; all read {left_s:.1f} s after the last was sent\n")
    seen = [
        row("seen in the list of incidents (HTTP), s", probe.seconds, 2),
        row("in its incident, s", joined, 2),
    ]
    print(table(header, [row("webhook answered, ms", sent.ms), *seen]) + "\n")
    print(table([*header[:1], "n", *(f"{name} ms" for name in header[2:])], rows) + "\n")
    print(verdict(f"status change within {BAR_MS:g} ms (p95)", held=float(rows[0][3]) <= BAR_MS))
    print(
        verdict(f"list pages within {BAR_MS:g} ms (p95)", held=all(float(r[3]) <= BAR_MS for r in rows[1:]))
    )


if __name__ == "__main__":
    main()
