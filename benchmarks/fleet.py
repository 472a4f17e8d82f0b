"""Endpoint containers on this machine that share one model store, behind one address."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

import boto3
import httpx

from local_cloud import ports
from local_cloud.leash import Leashed

READY_S = 180.0
REGION: Final = "eu-central-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Container:
    """One `python -m gpu_endpoint serve`."""

    def __init__(self, home: Path, log: Path, environment: dict[str, str]) -> None:
        self.log = log
        command = [sys.executable, "-m", "gpu_endpoint", "serve", "--port", "0", "--home", str(home)]
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, env={**os.environ, **environment}
            )
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            first = stdout.readline()
        assert first, log.read_text()
        self.url: str = json.loads(first)["listening"]

    def wait_ready(self) -> Self:
        """Returns once /ping answers 200."""
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if httpx.get(f"{self.url}/ping").status_code == 200:
                return self
            time.sleep(0.05)
        raise AssertionError(f"the endpoint did not get ready:\n{self.log.read_text()}")

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class RoundRobin:
    """One address before several: each connection goes to the next, as InvokeEndpoint's requests do."""

    def __init__(self, targets: Sequence[str]) -> None:
        self._targets = itertools.cycle(target.removeprefix("http://").split(":") for target in targets)
        self._loop = asyncio.new_event_loop()
        self._started: threading.Event = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._pass_on, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._started.set()
        self._loop.run_forever()
        server.close()
        pending = asyncio.all_tasks(self._loop)
        for task in pending:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = next(self._targets)
        answers, asks = await asyncio.open_connection(host, int(port))
        await asyncio.gather(copied(reader, asks), copied(answers, writer), return_exceptions=True)


async def copied(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Until the source ends."""
    try:
        while part := await source.read(65_536):
            target.write(part)
            await target.drain()
    finally:
        target.close()


@contextmanager
def running_store(folder: Path) -> Iterator[dict[str, str]]:
    """An S3 of the emulator's with a bucket; the environment of who uses it."""
    port = ports.free_port()
    environment = {
        **os.environ,
        **CREDENTIALS,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(folder),
        "S3_DATA_DIR": str(folder / "s3"),
        "MINISTACK_REGION": REGION,
    }
    with (folder / "emulator.log").open("wb") as log:
        process = Leashed([sys.executable, "-m", "ministack"], env=environment, cwd=folder, output=log)
        try:
            while not ports.answers(port):
                assert process.exit_code() is None, (folder / "emulator.log").read_text()
                time.sleep(0.05)
            url = f"http://127.0.0.1:{port}"
            yield {**CREDENTIALS, "AWS_ENDPOINT_URL": url, "SIGHTLINE_MODEL_STORE": new_bucket(url)}
        finally:
            process.stop()


def new_bucket(url: str) -> str:
    """An empty store of its own; its address."""
    name = f"models-{time.time_ns()}"
    session = boto3.Session(
        CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=REGION
    )
    client = session.client("s3", endpoint_url=url)
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    client.close()
    return f"s3://{name}/models"


@contextmanager
def running_fleet(
    home: Path, logs: Path, environment: dict[str, str], *, containers: int = 2
) -> Iterator[list[Container]]:
    """Ready containers; all keep built models in `home`."""
    started = [Container(home, logs / f"endpoint-{number}.log", environment) for number in range(containers)]
    try:
        with ThreadPoolExecutor(containers) as pool:
            list(pool.map(Container.wait_ready, started))
        yield started
    finally:
        for container in started:
            container.stop()
