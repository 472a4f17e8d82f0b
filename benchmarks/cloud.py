"""A local cloud of the benchmarks' own, signed in to, with the addresses of what stands behind it."""

import json
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.report import BUILD
from client.api import Sightline
from local_cloud.database import DatabaseUrls, prepare_database
from local_cloud.postgres import EmbeddedPostgres

START_WITHIN_S, STOP_WITHIN_S = 240.0, 60.0
LOCAL_CODE = "123456"  # what the emulated user pool sends everybody


@dataclass(frozen=True)
class Cloud:
    """What a benchmark talks to."""

    sightline: Sightline
    description: dict[str, Any]
    database: DatabaseUrls
    home: Path

    def cpu_s(self) -> float:
        """CPU seconds that all of the cloud's processes have used, those that ended included."""
        root = psutil.Process(self.description["pid"])
        return sum(_cpu_s(process) for process in [root, *root.children(recursive=True)])

    @property
    def workspace_id(self) -> str:
        """The signed-in user's own."""
        return str(self.sightline.accounts.me().workspaces[0].id)


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


@contextmanager
def running_cloud(name: str, *, fresh: bool = False) -> Iterator[Cloud]:
    """Started here and stopped after; its data stays for the next run of that name, if not `fresh`."""
    home = BUILD / name
    if fresh:
        shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    with (home / "cloud.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "local_cloud", "up", "--home", str(home), "--port", "0"],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            description = _description(process, home)
            with Sightline(description["api_url"], config_dir=home / "client") as sightline:
                _sign_in(sightline, home / "account.json")
                yield Cloud(sightline, description, _database(description, home), home)
        finally:
            process.terminate()
            process.wait(STOP_WITHIN_S)


def _description(process: subprocess.Popen[bytes], home: Path) -> dict[str, Any]:
    """What the cloud says of itself once it is ready."""
    deadline = time.monotonic() + START_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        path = home / "cloud.json"
        if path.exists():
            description: dict[str, Any] = json.loads(path.read_text())
            if description.get("pid") == process.pid:
                return description
        time.sleep(0.1)
    raise RuntimeError(f"the local cloud did not start:\n{(home / 'cloud.log').read_text()}")


def _sign_in(sightline: Sightline, kept: Path) -> None:
    """The same account in every run."""
    if kept.exists():
        account = json.loads(kept.read_text())
    else:
        account = {
            "email": f"{secrets.token_hex(6)}@example.com",
            "password": f"Aa1-{secrets.token_urlsafe(18)}",
        }
        sightline.accounts.register(account["email"], account["password"], name="Benchmark")
        sightline.accounts.confirm(account["email"], LOCAL_CODE)
        kept.write_text(json.dumps(account))
    sightline.accounts.login(account["email"], account["password"])


def _database(description: dict[str, Any], home: Path) -> DatabaseUrls:
    """The roles' addresses: the cloud keeps their passwords beside the data."""
    server = EmbeddedPostgres(home / "pg", port=description["ports"]["postgres"])
    return prepare_database(server.url, secrets_path=home / "pg-secrets")
