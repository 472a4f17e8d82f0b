"""A client that costs little: raw HTTP/1.1 on kept connections, in a process of its own.

`python -m benchmarks.endpoint.load '{"port": 8080, ...}'` prints one JSON object.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

HEAD_END = b"\r\n\r\n"


@dataclass
class Plan:
    """What to ask, and how hard."""

    port: int
    path: str
    body: str
    headers: dict[str, str] = field(default_factory=dict)
    clients: int = 1
    seconds: float = 3.0
    warmup_s: float = 0.5
    rate: float = 0.0
    """Requests a second whether or not they are answered; 0: a client asks again once it is answered."""

    def request(self) -> bytes:
        """The bytes of one request."""
        body = self.body.encode()
        lines = [f"POST {self.path} HTTP/1.1", "host: 127.0.0.1", "content-type: application/json"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self.transport: Any = None  # uvloop's is no subclass of asyncio's
        self._buffer = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        self.transport = transport

    def ask(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        """Status and head of the answer."""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        """Completes the answer once its length has come."""
        self._buffer += data
        end = self._buffer.find(HEAD_END)
        if end < 0:
            return
        head = bytes(self._buffer[:end]).lower()
        length = head.find(b"content-length:")
        size = int(head[length + 15 :].split(b"\r\n", 1)[0])
        if len(self._buffer) - end - 4 < size:
            return
        self._buffer.clear()
        if self._answer and not self._answer.done():
            self._answer.set_result((int(head[9:12]), head))

    def connection_lost(self, error: Exception | None) -> None:
        """Nothing more will come."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("closed"))


@dataclass
class Seen:
    """What came back."""

    latencies_ms: dict[int, list[float]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    told_to_retry: int = 0
    failures: int = 0

    def take(self, took_s: float, status: int, head: bytes) -> None:
        """One answer."""
        self.statuses[status] += 1
        self.told_to_retry += status in (429, 503) and b"\r\nretry-after:" in head
        self.latencies_ms.setdefault(status, []).append(took_s * 1000)


async def connect(plan: Plan, count: int) -> list[Connection]:
    """So many connections."""
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Connection, "127.0.0.1", plan.port))[1] for _ in range(count)]


async def closed(plan: Plan) -> tuple[Seen, float]:
    """Each client asks again as soon as it is answered."""
    seen, request = Seen(), plan.request()
    counting = time.perf_counter() + plan.warmup_s
    ends = counting + plan.seconds

    async def client(connection: Connection) -> None:
        while (began := time.perf_counter()) < ends:
            status, head = await connection.ask(request)
            done = time.perf_counter()
            if counting <= began and done <= ends:
                seen.take(done - began, status, head)

    await asyncio.gather(*map(client, await connect(plan, plan.clients)))
    return seen, plan.seconds


async def open_loop(plan: Plan) -> tuple[Seen, float]:
    """So many requests a second, come what may; latencies count from when a request was due."""
    seen, request = Seen(), plan.request()
    free = await connect(plan, plan.clients)
    tasks: set[asyncio.Task[None]] = set()
    starts = time.perf_counter()

    async def one(connection: Connection, due: float) -> None:
        status, head = await connection.ask(request)
        free.append(connection)
        if due >= starts + plan.warmup_s:
            seen.take(time.perf_counter() - due, status, head)

    for number in range(int(plan.rate * (plan.seconds + plan.warmup_s))):
        due = starts + number / plan.rate
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        if not free:
            seen.failures += 1  # every connection waits for an answer
            continue
        task = asyncio.create_task(one(free.pop(), due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return seen, plan.seconds


def percentile(values: list[float], share: float) -> float:
    """Of sorted values; 0 when there are none."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def summary(seen: Seen, seconds: float) -> dict[str, Any]:
    """Of the answered requests, and how the others were turned away."""
    good = sorted(seen.latencies_ms.get(200, []))
    return {
        "answered": len(good),
        "per_s": len(good) / seconds,
        "p50_ms": percentile(good, 0.5),
        "p95_ms": percentile(good, 0.95),
        "p99_ms": percentile(good, 0.99),
        "statuses": {str(status): count for status, count in seen.statuses.items()},
        "told_to_retry": seen.told_to_retry,
        "unsent": seen.failures,
    }


def main() -> None:
    """Runs the plan of the command line."""
    plan = Plan(**json.loads(sys.argv[1]))
    import uvloop  # lighter than asyncio's own loop: the client shares two cores with what it measures

    gc.disable()  # its pauses would be taken for the server's
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seen, seconds = runner.run((open_loop if plan.rate else closed)(plan))
    print(json.dumps(summary(seen, seconds)))


if __name__ == "__main__":
    main()
