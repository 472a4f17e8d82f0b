"""A supervisor for an embedded Postgres 16 with pgvector: `with EmbeddedPostgres(folder) as pg: pg.url`."""

import errno
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import psycopg

from local_cloud import ports
from local_cloud.errors import DiskFullError, LocalCloudError
from local_cloud.leash import Leashed
from local_cloud.postgres_binaries import find_binaries, find_runner, locale_name
from local_cloud.postgres_leftovers import end_servers_on

START_TIMEOUT_S = 30.0
# Relative to the working folder: the system user need not be able to walk down to it (root's folders).
_HERE_LINUX = "/proc/self/cwd"
_PASSWORD_FILE = "sightline.password"  # noqa: S105 - the name of a file
# An eighth of the machine's memory, taken only as pages are read: a search of a million frames reads 1.5 GB.
_BUFFERS_MIB = min(4096, max(128, psutil.virtual_memory().total // 2**20 // 8))
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "shared_buffers": f"{_BUFFERS_MIB}MB",
    "max_wal_size": "512MB",
    "maintenance_work_mem": "256MB",
}


class EmbeddedPostgres:
    """One server on 127.0.0.1 whose data lies in `data_dir`; `url` is the superuser's."""

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        durable: bool = True,
        log_path: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.port = port or 0
        self._fixed_port = port is not None
        self._log_path = log_path or self.data_dir.with_name(self.data_dir.name + ".log")
        self._settings = {**_SETTINGS, **(settings or {})}
        if not durable:  # tests: what a power cut would lose is of no interest
            self._settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        self._runner = find_runner()
        self._server: Leashed | None = None

    @property
    def url(self) -> str:
        """Address for the superuser `postgres` (password included)."""
        password = (self.data_dir / _PASSWORD_FILE).read_text()
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        return self._server.pid if self._server and self._server.exit_code() is None else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Make the data folder when there is none, end what a killed run left, start, wait for an answer."""
        if self._fixed_port:
            ports.require_free(self.port, purpose="Postgres", option="another port number")
        if not (self.data_dir / "PG_VERSION").exists():
            self._initialise()
        end_servers_on(self.data_dir)
        for attempt in range(3):
            self.port = self.port if self._fixed_port else ports.free_port()
            try:
                self._launch()
            except LocalCloudError:
                if self._fixed_port or attempt == 2 or "Address already in use" not in self._log_tail():
                    raise
            else:
                return

    def stop(self) -> None:
        """End all connections and shut down (fast mode)."""
        if self._server is not None:
            self._server.stop(patience_s=15.0)
            self._server = None
            end_servers_on(self.data_dir)

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        fixed, self._fixed_port = self._fixed_port, True
        try:
            self.start()
        finally:
            self._fixed_port = fixed

    def destroy(self) -> None:
        """Stop and remove the data."""
        self.stop()
        shutil.rmtree(self.data_dir)
        self._log_path.unlink(missing_ok=True)

    def _initialise(self) -> None:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _explain(error, self.data_dir) from error
        if left := [entry.name for entry in self.data_dir.iterdir()]:
            raise LocalCloudError(
                f"{self.data_dir} holds no Postgres database but is not empty ({left[0]}): remove it first."
            )
        self.data_dir.chmod(0o700)
        password = secrets.token_urlsafe(24)
        with tempfile.NamedTemporaryFile("w", suffix=".pw") as file:
            file.write(password)
            file.flush()
            if self._runner.user is not None and self._runner.group is not None:
                os.chown(self.data_dir, self._runner.user, self._runner.group)
                os.chown(file.name, self._runner.user, self._runner.group)
            self._initdb(Path(file.name))
        secret = self.data_dir / _PASSWORD_FILE
        secret.touch(mode=0o600)
        secret.write_text(password)

    def _initdb(self, password_file: Path) -> None:
        command: list[str | Path] = [find_binaries() / "initdb", "--pgdata", self._here, "--no-sync"]
        command += ["--username", "postgres", "--auth", "scram-sha-256", "--pwfile", password_file]
        command += ["--encoding", "UTF8", "--locale", locale_name()]
        made = subprocess.run(
            command,
            cwd=self.data_dir,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            user=self._runner.user,
            group=self._runner.group,
            extra_groups=None if self._runner.user is None else [],
        )
        if made.returncode != 0:
            shutil.rmtree(self.data_dir)
            raise _explain(LocalCloudError(made.stderr.strip()), self.data_dir)

    @property
    def _here(self) -> str:
        return _HERE_LINUX if Path(_HERE_LINUX).exists() else str(self.data_dir)

    def _environment(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "LC_ALL": locale_name(), "PGTZ": "UTC"}

    def _launch(self) -> None:
        settings = {**self._settings, "dynamic_shared_memory_type": _shared_memory_type()}
        options = [item for key, value in settings.items() for item in ("-c", f"{key}={value}")]
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        with self._log_path.open("ab") as log:
            self._server = Leashed(
                [find_binaries() / "postgres", "-D", self._here, "-p", str(self.port), *options],
                env=self._environment(),
                cwd=self.data_dir,
                output=log,
                stop_signal=signal.SIGINT,  # Postgres's fast shutdown
                user=self._runner.user,
                group=self._runner.group,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._server.exit_code() is not None:
                raise _explain(LocalCloudError(self._log_tail()), self.data_dir)
            if time.monotonic() > deadline:
                self.stop()
                raise LocalCloudError(
                    f"Postgres did not answer within {START_TIMEOUT_S:.0f} s:\n{self._log_tail()}"
                )
            time.sleep(0.02)

    def _answers(self) -> bool:
        if not ports.answers(self.port):
            return False
        try:
            psycopg.connect(self.url, connect_timeout=3).close()
        except psycopg.OperationalError as error:
            if "authentication failed" in str(error):  # another server took the port
                raise LocalCloudError(f"Address already in use: port {self.port}") from error
            return False
        return True

    def _log_tail(self, lines: int = 6) -> str:
        return "\n".join(self._log_path.read_text(errors="replace").splitlines()[-lines:])


def _shared_memory_type() -> str:
    """Parallel index builds share maintenance_work_mem between processes; containers have 64 MB for that."""
    shm = Path("/dev/shm")  # noqa: S108 - where POSIX shared memory lies on Linux
    small = shm.exists() and shutil.disk_usage(shm).total < 2**30
    return "mmap" if small else "posix"


def _explain(error: Exception, folder: Path) -> LocalCloudError:
    text = str(error)
    if os.strerror(errno.ENOSPC) in text:
        free_mb = shutil.disk_usage(folder.anchor).free // 2**20
        return DiskFullError(f"The disk of {folder} is full ({free_mb} MB left): free some space and retry.")
    return LocalCloudError(f"Postgres did not start on {folder}:\n{text}")
