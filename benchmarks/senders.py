"""Monitoring tools: signed deliveries over kept connections, as fast as they are taken or at a rate."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from urllib.parse import urlsplit

from benchmarks.cloud import Cloud
from benchmarks.endpoint.load import Connection, percentile
from client.storm import StormAlert, Vendor, signed, storm

A_CONNECTION = 900
"""Requests on one connection: the local cloud's server closes it after 1,000."""
VENDORS: tuple[Vendor, ...] = ("datadog", "sentry", "alertmanager")
SENTRYS_SECRET = "a client secret of sixteen characters and more"  # noqa: S105 - of an emulated integration


@dataclass(frozen=True)
class Door:
    """A source's address and secret."""

    path: str
    secret: str


@dataclass
class Sent:
    """What was answered, and how fast."""

    seconds: float
    statuses: Counter[int] = field(default_factory=Counter)
    ms: list[float] = field(default_factory=list)

    @property
    def taken(self) -> int:
        return self.statuses[202]

    def take(self, status: int, took_s: float) -> None:
        """One answer."""
        self.statuses[status] += 1
        self.ms.append(took_s * 1000)

    def figures(self) -> list[str]:
        """Requests a second, p50, p99 and the worst."""
        values = sorted(self.ms)
        return [
            f"{self.taken / self.seconds:.0f}",
            *(f"{percentile(values, share):.0f}" for share in (0.5, 0.99)),
            f"{values[-1]:.0f}",
        ]


def doors(cloud: Cloud) -> dict[Vendor, Door]:
    """A new source for each vendor."""
    found: dict[Vendor, Door] = {}
    for vendor in VENDORS:
        request = {"name": f"benchmark {vendor}", "platform": vendor}
        chosen = {"secret": SENTRYS_SECRET} if vendor == "sentry" else {}
        made = cloud.sightline.alerts.add_source(request | chosen)
        found[vendor] = Door(made["path"], made["secret"] or SENTRYS_SECRET)
    return found


def deliveries(to: dict[Vendor, Door], *, seed: int) -> Iterator[bytes]:
    """Storm after storm, of the vendors that have a door, each as the bytes of a request."""
    while True:
        for alert in storm(seed):
            if alert.vendor in to:
                yield request_of(alert, to[alert.vendor])
        seed += 1


def request_of(alert: StormAlert, door: Door) -> bytes:
    """HTTP/1.1."""
    body, headers = signed(alert, door.secret)
    lines = [f"POST {door.path} HTTP/1.1", "host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


async def _connected(api_url: str, count: int) -> list[Connection]:
    loop, port = asyncio.get_running_loop(), urlsplit(api_url).port or 80
    return [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(count)]


async def flood(api_url: str, requests: Sequence[bytes], *, clients: int, seconds: float) -> Sent:
    """Each client sends the next delivery once its last is answered."""
    sent, queue = Sent(seconds), cycle(requests)
    ends = time.perf_counter() + seconds

    async def client() -> None:
        while time.perf_counter() < ends:
            (connection,) = await _connected(api_url, 1)
            for _ in range(A_CONNECTION):
                if (began := time.perf_counter()) >= ends:
                    break
                status, _ = await connection.ask(next(queue))
                sent.take(status, time.perf_counter() - began)
            connection.transport.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return sent


async def steadily(api_url: str, requests: Iterator[bytes], *, rate: float, seconds: float) -> Sent:
    """So many a second, whatever the answers take; latencies count from when a delivery was due."""
    sent, free = Sent(seconds), deque(await _connected(api_url, 16))
    starts, tasks = time.perf_counter(), set[asyncio.Task[None]]()

    async def one(request: bytes, due: float) -> None:
        # In turns, so that none comes to the number of requests after which it is closed.
        connection = free.popleft() if free else (await _connected(api_url, 1))[0]
        status, _ = await connection.ask(request)
        free.append(connection)
        sent.take(status, time.perf_counter() - due)

    for number in range(int(rate * seconds)):
        due = starts + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        task = asyncio.create_task(one(next(requests), due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return sent
