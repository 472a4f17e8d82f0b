"""A local cloud in processes of its own, driven the way a user drives it."""

import json
import os
import signal
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import boto3
import httpx
import psutil
from botocore.config import Config

from local_cloud.emulator_config import ACCESS_KEY, REGION, SECRET_KEY
from local_cloud.leash import Leashed
from local_cloud.services import running

REPOSITORY = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 150.0
Seen = TypeVar("Seen")


def wait_until(look: Callable[[], Seen | None], *, timeout_s: float, what: str) -> Seen:
    """The first true thing that `look` returns; looks every 50 ms, and fails by name after the time."""
    deadline = time.monotonic() + timeout_s
    while not (seen := look()):
        assert time.monotonic() < deadline, f"{what} did not happen within {timeout_s:.0f} s"
        time.sleep(0.05)
    return seen


class RunningCloud:
    """`python -m local_cloud up` on one home folder; survives being killed by being started again."""

    def __init__(self, home: Path, *, options: tuple[str, ...] = ()) -> None:
        self.home = home
        self.log_path = home.with_suffix(".log")
        self._options = options
        self._process: Leashed | None = None

    def start(self, *, port: int = 0) -> None:
        """Returns when the cloud has announced itself."""
        kept = ("AWS_", "SIGHTLINE_", "POWERTOOLS_")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(kept)}
        command = [sys.executable, "-m", "local_cloud", "up", "--home", self.home, "--port", str(port)]
        with self.log_path.open("ab") as log:
            self._process = Leashed([*command, *self._options], env=environment, cwd=REPOSITORY, output=log)
        try:
            wait_until(self._announced, timeout_s=START_TIMEOUT_S, what="the start of the local cloud")
        except AssertionError:
            self.stop()
            raise

    def stop(self) -> None:
        """As Ctrl-C does."""
        if self._process is not None:
            self._process.stop(patience_s=65)
            self._process = None

    def kill_everything(self) -> None:
        """SIGKILL the supervisor and every process under it, all at once."""
        assert self._process is not None
        supervisor = psutil.Process(self._process.pid)
        doomed = [supervisor, *supervisor.children(recursive=True)]
        for process in doomed:
            process.suspend()  # nobody may notice the others' end
        for process in doomed:
            process.kill()
        psutil.wait_procs(doomed, timeout=10)
        self._process.kill()
        self._process = None
        (self.home / "cloud.json").unlink(missing_ok=True)

    @property
    def facts(self) -> dict[str, Any]:
        """cloud.json as it is now."""
        facts: dict[str, Any] = json.loads((self.home / "cloud.json").read_text())
        return facts

    @property
    def api_url(self) -> str:
        return str(self.facts["api_url"])

    @property
    def trust(self) -> str | bool:
        """What AWS clients verify the emulator's certificate against, where it has one."""
        authority = self.home / "tls" / "authority.pem"
        return str(authority) if authority.exists() else True

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        return dict(self.facts["outputs"])

    def http(self, **headers: str) -> httpx.Client:
        """A client of the HTTP API."""
        return httpx.Client(base_url=self.api_url, headers=headers, timeout=60)

    def outside(self) -> httpx.Client:
        """A client for signed addresses and for the emulator's own questions."""
        cafile = self.trust if isinstance(self.trust, str) else None
        return httpx.Client(verify=ssl.create_default_context(cafile=cafile), timeout=60)

    def aws(self, service: str) -> Any:
        """An AWS client with the administrator's key."""
        return aws_client(service, url=self.facts["emulator_url"], verify=self.trust)

    def database_url(self, role: str = "sightline_owner") -> str:
        """The address of the database for a role."""
        password = json.loads((self.home / "pg-secrets").read_text())[role]
        return f"postgresql://{role}:{password}@127.0.0.1:{self.facts['ports']['postgres']}/sightline"

    def function_log(self, function: str) -> str:
        """Everything a function has printed."""
        path = self.home / "logs" / f"{function}.log"
        return path.read_text() if path.exists() else ""

    def workers(self) -> dict[str, list[int]]:
        """Process ids of the living workers by function."""
        with self.outside() as http:
            found: dict[str, list[int]] = http.get(f"{self.facts['emulator_url']}/_sightline/workers").json()
        return found

    def kill_worker(self, function: str, *, timeout_s: float = 60) -> int:
        """SIGKILL a worker of the function, as soon as it has one; its process id."""
        pids = wait_until(
            lambda: self.workers().get(function), timeout_s=timeout_s, what=f"a worker of {function}"
        )
        os.kill(pids[0], signal.SIGKILL)
        return pids[0]

    def hold(self, service: str) -> None:
        """SIGKILL endpoint, postgres or emulator, and keep it down."""
        pid = self.facts["pids"][service]
        (self.home / f"{service}.hold").touch()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not running(pid), timeout_s=10, what=f"the end of {service}")

    @contextmanager
    def frozen(self, service: str) -> Iterator[None]:
        """SIGSTOP: it takes connections, and says nothing."""
        pid = self.facts["pids"][service]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def release(self, service: str) -> None:
        """Let the supervisor start a held service again; returns when it runs."""
        before = self.facts["pids"][service]
        (self.home / f"{service}.hold").unlink()
        wait_until(
            lambda: self.facts["pids"][service] not in (before, None),
            timeout_s=60,
            what=f"the restart of {service}",
        )

    def _announced(self) -> bool:
        assert self._process is not None
        assert self._process.exit_code() is None, f"the local cloud ended:\n{self.log_path.read_text()}"
        path = self.home / "cloud.json"
        return path.exists() and self.facts["pid"] == self._process.pid


def aws_client(service: str, *, url: str, verify: str | bool = True) -> Any:
    """A client of the emulator, with the administrator's key."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        verify=verify,
        config=Config(
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "path"},
            retries={"max_attempts": 1},
        ),
    )
