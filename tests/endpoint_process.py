"""A real endpoint process, for tests of any tier: tests/conftest.py offers the fixtures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
READY_S = 180.0  # a first start may export a large model


def run_commands(script: str, *, folder: Path, url: str, timeout_s: float) -> str:
    """What a page's commands print, in a shell that stops at the first that fails."""
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=folder,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "ENDPOINT": url},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    return done.stdout


class EndpointProcess:
    """`python -m gpu_endpoint serve` on a port the system chose; the package that this process finds, too."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "gpu_endpoint", "serve", "--port", "0", "--home", str(home)]
        self.log = home / "endpoint.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                env=dict(os.environ) | dict(environment),
            )
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            first = stdout.readline()
        assert first, self.log.read_text()
        self.url: str = json.loads(first)["listening"]

    def wait_ready(self) -> None:
        """Returns once /ping answers 200; fails with the log when the process ends instead."""
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/ping"):  # noqa: S310 - a loopback address
                return
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=0.05)
                break
        raise AssertionError(f"the endpoint did not get ready:\n{self.log.read_text()}")

    def stop(self) -> int:
        """Asks it to end; answers its exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@contextmanager
def running_endpoint(home: Path, **environment: Any) -> Iterator[EndpointProcess]:
    """A ready endpoint; keywords become environment variables (SIGHTLINE_ENDPOINT_MAX_QUEUED=64)."""
    endpoint = EndpointProcess(home, {name: str(value) for name, value in environment.items()})
    try:
        endpoint.wait_ready()
        yield endpoint
    finally:
        if endpoint.process.poll() is None:
            endpoint.stop()


@pytest.fixture(scope="session")
def models_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where endpoints of this session keep built models: built once, shared by all."""
    return tmp_path_factory.mktemp("endpoint")


@pytest.fixture(scope="session")
def inference_endpoint(models_home: Path) -> Iterator[EndpointProcess]:
    """One ready endpoint a session; `.url` for HTTP and for AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME."""
    with running_endpoint(models_home) as endpoint:
        yield endpoint
