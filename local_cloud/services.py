"""The long-running processes of the local cloud, each started, watched and stopped the same way."""

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from local_cloud.errors import LocalCloudError
from local_cloud.leash import Leashed

PATIENCE_S = 10.0
RESTARTS_PER_MINUTE = 5


@dataclass
class Service:
    """A child process with a log file and a URL that says when it is ready."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    cwd: Path
    log_path: Path
    ready_url: str
    authority: Path | None = None
    start_timeout_s: float = 60.0
    patience_s: float = PATIENCE_S
    process: Leashed | None = None
    _starts: list[float] = field(default_factory=list)

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        return self.process.pid if self.process and self.process.exit_code() is None else None

    def start(self) -> None:
        """Start the process; wait_ready() waits for it."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self._starts = [*self._starts[-RESTARTS_PER_MINUTE:], time.monotonic()]
        with self.log_path.open("ab") as log:
            self.process = Leashed(self.command, env=self.environment, cwd=self.cwd, output=log)

    def wait_ready(self) -> None:
        """Raises: LocalCloudError when it ends instead, or takes too long."""
        deadline = time.monotonic() + self.start_timeout_s
        while not answers_ok(self.ready_url, authority=self.authority):
            if self.pid is None:
                raise LocalCloudError(f"{self.name} ended while it started.\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise LocalCloudError(
                    f"{self.name} was not ready within {self.start_timeout_s:.0f} s.\n{self.log_tail()}"
                )
            time.sleep(0.05)

    def restart(self) -> None:
        """Start again after it ended by itself.

        Raises: LocalCloudError when it keeps ending.
        """
        recent = [at for at in self._starts if at > time.monotonic() - 60]
        if len(recent) > RESTARTS_PER_MINUTE:
            raise LocalCloudError(f"{self.name} ended {len(recent)} times in a minute.\n{self.log_tail()}")
        self.stop()
        self.start()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when that is not heard."""
        if self.process is not None:
            self.process.stop(patience_s=self.patience_s)
            self.process = None

    def log_tail(self, lines: int = 15) -> str:
        """The end of its log, for messages."""
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return "\n".join([f"The end of {self.log_path}:", *text.splitlines()[-lines:]])


def answers_ok(url: str, *, authority: Path | None = None, timeout_s: float = 2.0) -> bool:
    """True when a GET of one of our own addresses answers 2xx."""
    trust = ssl.create_default_context(cafile=authority) if authority else None
    try:
        with urllib.request.urlopen(url, timeout=timeout_s, context=trust) as response:  # noqa: S310
            return bool(200 <= response.status < 300)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def wait_until(check: Callable[[], bool], *, timeout_s: float, message: str) -> None:
    """Raises: LocalCloudError with the message when the check does not become true in time."""
    deadline = time.monotonic() + timeout_s
    while not check():
        if time.monotonic() > deadline:
            raise LocalCloudError(message)
        time.sleep(0.05)


def running(pid: int) -> bool:
    """True for a living process; one that ended and waits for its parent to notice does not count."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def record_pids(path: Path, pids: Mapping[str, int | None]) -> None:
    """Remember which processes are ours, for the run after one that was killed."""
    alive = {name: [pid, psutil.Process(pid).create_time()] for name, pid in pids.items() if pid}
    path.write_text(json.dumps(alive))


def end_leftovers(path: Path) -> list[str]:
    """End the processes that a killed run left behind; their names."""
    if not path.exists():
        return []
    left = {}
    for name, (pid, created) in json.loads(path.read_text()).items():
        try:
            process = psutil.Process(pid)
            if process.create_time() == created and process.status() != psutil.STATUS_ZOMBIE:
                left[name] = process
                process.terminate()
        except psutil.NoSuchProcess:
            continue
    _, stubborn = psutil.wait_procs(left.values(), timeout=PATIENCE_S)
    for process in stubborn:
        process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    path.unlink()
    return sorted(left)
