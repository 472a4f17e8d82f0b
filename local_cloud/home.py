"""The home folder (`./.sightline`, or SIGHTLINE_HOME): what is kept where, who runs it, on which ports."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_cloud import ports
from local_cloud.errors import LocalCloudError

DEFAULT_API_PORT = 8420
ROOT = Path(__file__).resolve().parent.parent


def default_home() -> Path:
    """SIGHTLINE_HOME, or .sightline beside the sources."""
    return Path(os.environ.get("SIGHTLINE_HOME") or ROOT / ".sightline")


@dataclass(frozen=True)
class Ports:
    """One port each; the emulator's must stay the same, because stored addresses name it."""

    api: int
    emulator: int
    endpoint: int
    postgres: int


@dataclass(frozen=True)
class Home:
    """Paths in one home folder."""

    path: Path

    @property
    def postgres_dir(self) -> Path:
        return self.path / "pg"

    @property
    def secrets_path(self) -> Path:
        return self.path / "pg-secrets"

    @property
    def logs_dir(self) -> Path:
        return self.path / "logs"

    @property
    def emulator_dir(self) -> Path:
        return self.path / "ministack"

    @property
    def objects_dir(self) -> Path:
        return self.path / "s3"

    @property
    def assembly_dir(self) -> Path:
        return self.path / "cdk.out"

    @property
    def scratch_dir(self) -> Path:
        return self.path / "tmp"

    @property
    def cloud_path(self) -> Path:
        return self.path / "cloud.json"

    def hold_path(self, service: str) -> Path:
        """While this file exists, the supervisor does not start the service again."""
        return self.path / f"{service}.hold"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One local cloud per home; the lock dies with its process, however that ends.

        Raises: LocalCloudError when another process holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise LocalCloudError(
                    f"A local cloud already runs on {self.path}. "
                    "Stop it with `python -m local_cloud down`, or choose another folder with --home."
                ) from error
            yield

    def choose_ports(self, *, api_port: int | None, any_port: bool = False) -> Ports:
        """The ports of the last run where they are free, else others; 0 asks for any free API port.

        Raises: PortTakenError when the API's port is taken, and any_port does not let it be another.
        """
        path = self.path / "ports.json"
        last: Mapping[str, int] = json.loads(path.read_text()) if path.exists() else {}
        api = api_port or last.get("api", DEFAULT_API_PORT)
        if api_port == 0 and ("api" not in last or not ports.is_free(api)):
            api = ports.free_port()
        if any_port and not ports.is_free(api):
            api = ports.free_port()
        ports.require_free(api, purpose="the HTTP API", option="--port")
        chosen = {"api": api}
        for name in ("emulator", "endpoint", "postgres"):
            remembered = last.get(name)
            chosen[name] = remembered if remembered and ports.is_free(remembered) else ports.free_port()
        path.write_text(json.dumps(chosen))
        return Ports(**chosen)

    def write_cloud(self, facts: Mapping[str, Any]) -> None:
        """cloud.json appears when the cloud answers, and whole."""
        draft = self.cloud_path.with_suffix(".tmp")
        draft.write_text(json.dumps(facts, indent=1))
        draft.replace(self.cloud_path)

    def read_cloud(self) -> dict[str, Any] | None:
        """None when no local cloud has announced itself."""
        if not self.cloud_path.exists():
            return None
        facts: dict[str, Any] = json.loads(self.cloud_path.read_text())
        return facts
