"""How much the webhook's door takes: `python -m benchmarks.intake`.

Signed deliveries of three tools over HTTP into the local cloud, function, queue and all, by clients that
send the next as soon as the last is answered. Then everything that was answered 202 must be in Postgres or
wait on the queue. Before that, one call of the function in its own Lambda runtime, on one core, which is
what its memory gives it.
"""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from uuid import uuid4

import boto3

from benchmarks.cloud import Cloud, running_cloud
from benchmarks.counting import enter, environment_of
from benchmarks.endpoint.load import percentile
from benchmarks.report import machine, spread, table, verdict
from benchmarks.senders import Sent, deliveries, doors, flood
from local_cloud.function import Function
from local_cloud.worker import Worker
from sightline.database import transaction

ROOT = Path(__file__).resolve().parent.parent
MEMORY_MB = 1769
"""infra_cdk.incidents.WEBHOOK_MEMORY_MB: one whole vCPU."""
COLD_MS, WARM_P99_MS = 300.0, 30.0
READ_WITHIN_S = 300.0
KEEP = "Keep's published figure: about 0.5 s to digest an alert at 100 alerts a minute (1.7 a second)"


@dataclass(frozen=True)
class Calls:
    """Milliseconds: whole first calls of new processes, and calls of one that is warm."""

    cold: list[float]
    warm: list[float]


@contextmanager
def one_core() -> Iterator[None]:
    """What is started inside has one core; without such a thing on this system, all of them."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def event(cloud: Cloud) -> bytes:
    """API Gateway's, of a delivery that is taken."""
    sample = json.loads((ROOT / "events" / "webhooks" / "datadog_triggered.json").read_text())
    source = cloud.sightline.alerts.add_source({"name": "intake", "platform": "datadog"})
    sample["pathParameters"]["source_id"] = source["id"]
    sample["headers"]["x-sightline-secret"] = source["secret"]
    return json.dumps(sample).encode()


def calls(cloud: Cloud, *, cold: int, warm: int) -> Calls:
    """Timed from before the process is started until its answer is here."""
    payload, function = event(cloud), _function(cloud)
    firsts: list[float] = []
    for _ in range(cold + 1):
        worker, took_ms = _first_call(cloud, function, payload)
        firsts.append(took_ms)
        worker.dismiss(patience_s=3)
    worker, _ = _first_call(cloud, function, payload)
    later = [_call(worker, payload) for _ in range(warm)]
    worker.dismiss(patience_s=3)
    return Calls(firsts[1:], later)  # the first one compiles


def _function(cloud: Cloud) -> Function:
    ours = ("AWS_", "SIGHTLINE_", "POWERTOOLS_")
    own = {name: value for name, value in environment_of(cloud).items() if name.startswith(ours)}
    return Function(
        name="webhooks",
        arn="arn:aws:lambda:us-east-1:000000000000:function:webhooks",
        handler="handler.handler",
        task_dir=ROOT / "functions" / "webhooks",
        layer_dirs=(ROOT / "layers" / "core" / "python",),
        memory_mb=MEMORY_MB,
        timeout_s=10,
        environment=own
        | {"AWS_XRAY_SDK_ENABLED": "false", "PYTHONPYCACHEPREFIX": str(cloud.home / "pycache")},
    )


def _first_call(cloud: Cloud, function: Function, payload: bytes) -> tuple[Worker, float]:
    began = time.perf_counter()
    with one_core():
        worker = Worker(function, extra={}, scratch=cloud.home / "intake", log=lambda _line: None)
    _call(worker, payload)
    return worker, (time.perf_counter() - began) * 1000


def _call(worker: Worker, payload: bytes) -> float:
    began = time.perf_counter()
    answer = worker.invoke(payload, request_id=str(uuid4()), trace_id="Root=1-0-0;Sampled=0")
    took_ms = (time.perf_counter() - began) * 1000
    assert json.loads(answer.payload)["statusCode"] == 202, answer.payload
    return took_ms


@contextmanager
def reading_paused(cloud: Cloud) -> Iterator[None]:
    """Nothing is taken off the queue meanwhile, as if that happened on machines of its own."""
    lambdas, sqs = boto3.client("lambda"), boto3.client("sqs")
    url = cloud.description["outputs"]["AlertQueueUrl"]
    named = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    (mapping,) = lambdas.list_event_source_mappings(EventSourceArn=named)["EventSourceMappings"]
    lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def stored(cloud: Cloud) -> int:
    """Deliveries in Postgres."""
    with transaction(cloud.workspace_id) as conn:
        row = conn.execute("SELECT count(*) AS n FROM alert_delivery").fetchone()
    assert row is not None
    return int(row["n"])


def waiting(cloud: Cloud) -> tuple[int, int]:
    """Messages on the queue, and those that are being read."""
    url = cloud.description["outputs"]["AlertQueueUrl"]
    counts = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return (
        int(counts["ApproximateNumberOfMessages"]),
        int(counts["ApproximateNumberOfMessagesNotVisible"]),
    )


def wait_read(cloud: Cloud, *, all_of_it: bool = True) -> float:
    """Returns once nothing is being read, and all of it was if asked for; after how many seconds."""
    began = time.perf_counter()
    while time.perf_counter() - began < READ_WITHIN_S:
        left, reading = waiting(cloud)
        if not reading and not (all_of_it and left):
            return time.perf_counter() - began
        time.sleep(0.5)
    raise AssertionError(f"the queue was not read within {READ_WITHIN_S:g} s: {left}, {reading}")


def run(cloud: Cloud, *, clients: int, seconds: float, paused: bool) -> list[str]:
    """One row: the flood, and what was found of it."""
    to = doors(cloud)
    requests = list(islice(deliveries(to, seed=1000 + clients), 4000))
    _flooded(cloud, requests, clients, 2)  # workers start
    wait_read(cloud)
    before = stored(cloud)
    with reading_paused(cloud) if paused else nullcontext():
        sent = _flooded(cloud, requests, clients, seconds)
    with reading_paused(cloud):
        wait_read(cloud, all_of_it=False)
        read, left = stored(cloud) - before, waiting(cloud)[0]
        boto3.client("sqs").purge_queue(QueueUrl=cloud.description["outputs"]["AlertQueueUrl"])
    how = "paused" if paused else "beside it"
    return [
        str(clients),
        how,
        *sent.figures(),
        f"{sent.statuses.total()}",
        str(sent.taken - read - left),
        str(read),
    ]


def _flooded(cloud: Cloud, requests: list[bytes], clients: int, seconds: float) -> Sent:
    return asyncio.run(flood(cloud.sightline.api_url, requests, clients=clients, seconds=seconds))


def main() -> None:
    """Prints both tables and what is asked of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, nargs="+", default=[8])
    parser.add_argument("--cold", type=int, default=15)
    asked = parser.parse_args()
    about = machine()
    with running_cloud("intake", fresh=True) as cloud:
        enter(cloud)
        timed = calls(cloud, cold=asked.cold, warm=1000)
        rows = [
            run(cloud, clients=clients, seconds=asked.seconds, paused=paused)
            for clients in asked.clients
            for paused in (True, False)
        ]
    print(f"{about}\n{asked.seconds:g} s a row\n")
    header = [
        "clients",
        "reading",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "worst ms",
        "sent",
        "lost",
        "read by then",
    ]
    print(table(header, rows) + "\n")
    warm_p99 = percentile(sorted(timed.warm), 0.99)
    warm_p50 = percentile(sorted(timed.warm), 0.5)
    print(f"one core: cold call {spread(timed.cold, digits=0)} ms")
    print(f"one core: warm p50 {warm_p50:.1f} ms, p99 {warm_p99:.1f} ms\n")
    print(verdict(f"no loss: {KEEP}", held=all(row[-2] == "0" for row in rows)))
    print(
        verdict(f"a cold call within {COLD_MS:g} ms, worst of {asked.cold}", held=max(timed.cold) <= COLD_MS)
    )
    print(verdict(f"warm p99 within {WARM_P99_MS:g} ms", held=warm_p99 <= WARM_P99_MS))


if __name__ == "__main__":
    main()
