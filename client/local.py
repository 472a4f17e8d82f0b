"""Starting and stopping the local cloud, which runs as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from client.errors import LocalCloudError
from client.session import local_api_url

# The template deploys in seconds; a first start also builds models and makes a database.
START_WITHIN_S = 240.0
# It stops workers, the endpoint and Postgres in turn; after this it is ended.
STOP_WITHIN_S = 70.0
_LOG_TAIL_LINES = 15


Port = Annotated[int | None, typer.Option(help="Port of the API; the last one, or 8420. 0: any free one.")]


def port_option(port: int | None) -> list[str]:
    """The local cloud's own option."""
    return [] if port is None else ["--port", str(port)]


def run_local_cloud(*arguments: str) -> None:
    """Become the local cloud's own command: signals and output are then its own."""
    os.execv(sys.executable, [sys.executable, "-m", "local_cloud", *arguments])  # noqa: S606 - no shell


def answers(api_url: str) -> bool:
    """Whether something healthy answers there."""
    try:
        return httpx.get(f"{api_url}/health", timeout=5.0, trust_env=False).is_success
    except httpx.HTTPError:
        return False


@contextmanager
def local_cloud(home: Path, *, port: int | None, console: Console) -> Iterator[str]:
    """The address of the local cloud: one that runs already, or one started now and stopped after.

    Where no port is asked for and the usual one is taken, it is any free one.

    Raises: LocalCloudError.
    """
    running = local_api_url(home)
    if running and answers(running):
        console.print(f"Local cloud found running: {running}", markup=False)
        yield running
        return
    log = home / "logs" / "local_cloud.log"
    process: subprocess.Popen[bytes] | None = None
    try:
        with uninterrupted():
            process = _start(home, port, log)
        with console.status("Starting the local cloud"):
            api_url = _wait_until_up(process, home, log)
        console.print(f"Local cloud started: {api_url}", markup=False)
        yield api_url
    finally:
        console.print("Stopping the local cloud.")
        if process is not None:
            stop(process)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Puts off what would break us off while a process starts that nobody could stop then."""
    asked: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda got, _frame: asked.append(got)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for late in asked:
        signal.raise_signal(late)


def _start(home: Path, port: int | None, log: Path) -> subprocess.Popen[bytes]:
    """In a session of its own: Ctrl-C then reaches only us, and we stop it in order."""
    log.parent.mkdir(parents=True, exist_ok=True)
    wanted = ["--any-port"] if port is None else port_option(port)
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "local_cloud", "up", "--home", str(home), *wanted],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_until_up(process: subprocess.Popen[bytes], home: Path, log: Path) -> str:
    ends_at = time.monotonic() + START_WITHIN_S
    while time.monotonic() < ends_at:
        if process.poll() is not None:
            raise LocalCloudError(f"The local cloud ended while starting:\n{_tail(log)}")
        url = local_api_url(home)
        if url and answers(url):
            return url
        time.sleep(0.2)
    raise LocalCloudError(f"The local cloud was not ready within {START_WITHIN_S:.0f} s:\n{_tail(log)}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to stop; end its whole process group when it does not."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-_LOG_TAIL_LINES:]) or "  (it said nothing)"
