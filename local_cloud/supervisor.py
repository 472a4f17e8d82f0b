"""Brings the whole cloud up on one machine, keeps it up, and takes it down."""

import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_cloud.certificate import Certificate, ensure_certificate
from local_cloud.database import DatabaseUrls, prepare_database
from local_cloud.deploy import Deployment
from local_cloud.emulator_config import EmulatorConfig
from local_cloud.environment import PASSED_ON, LocalAddresses
from local_cloud.gateway_seam import API_TIMEOUT_S
from local_cloud.home import ROOT, Home
from local_cloud.postgres import EmbeddedPostgres
from local_cloud.seams import check_emulator
from local_cloud.services import Service, answers_ok, end_leftovers, record_pids, wait_until
from local_cloud.space import require_space
from local_cloud.synth import STACK, synthesize

SHARED_CODE = ROOT / "layers" / "core" / "python"
HEALTH_TIMEOUT_S = 30.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What the command line may choose."""

    home: Path
    api_port: int | None = None
    iam: bool = False


class LocalCloud:
    """Postgres, the emulator and the inference endpoint, with the template deployed."""

    def __init__(self, options: Options, *, say: Say) -> None:
        self.home = Home(options.home.resolve())
        self._options = options
        self._say = say
        self._services: list[Service] = []
        self._postgres: EmbeddedPostgres | None = None
        self._outputs: dict[str, str] = {}
        self._certificate: Certificate | None = None

    def start(self) -> None:
        """Everything up, deployed and answering; cloud.json written.

        Raises: LocalCloudError, saying what to do.
        """
        started = time.monotonic()
        check_emulator()
        require_space(self.home.path)
        self.home.cloud_path.unlink(missing_ok=True)
        if left := end_leftovers(self._pids_path):
            self._say(f"took over from a run that was killed (ended its {', '.join(left)})")
        self.ports = self.home.choose_ports(api_port=self._options.api_port)
        if self._options.iam:
            self._certificate = ensure_certificate(self.home.path / "tls")
        with ThreadPoolExecutor(3) as pool:
            assembly = pool.submit(self._synthesize)
            endpoint = pool.submit(self._start_endpoint)
            emulator = pool.submit(self._start_emulator, self._start_database())
            for step in (emulator, assembly, endpoint):
                step.result()
        self._deploy()
        self._announce(started)

    def watch(self, stop: threading.Event) -> None:
        """Restart what ends, until told to stop.

        Raises: LocalCloudError when something keeps ending.
        """
        while not stop.wait(0.2):
            for service in self._services:
                if service.pid is None and not self.home.hold_path(service.name).exists():
                    self._say(f"{service.name} ended; starting it again")
                    service.restart()
                    service.wait_ready()
                    self._write_cloud()
            if self._postgres and self._postgres.pid is None and not self.home.hold_path("postgres").exists():
                self._say("postgres ended; starting it again")
                self._postgres.restart()
                self._write_cloud()

    def stop(self) -> None:
        """The emulator first (its workers use the others), Postgres last."""
        self.home.cloud_path.unlink(missing_ok=True)
        for service in reversed(self._services):
            service.stop()
        if self._postgres is not None:
            self._postgres.stop()
        self._pids_path.unlink(missing_ok=True)

    @property
    def _pids_path(self) -> Path:
        return self.home.path / "pids.json"

    @property
    def _authority(self) -> Path | None:
        return self._certificate.authority if self._certificate else None

    @property
    def _emulator_url(self) -> str:
        scheme = "https" if self._options.iam else "http"
        return f"{scheme}://localhost:{self.ports.emulator}"

    @property
    def _api_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.api}"

    @property
    def _endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.endpoint}"

    def _synthesize(self) -> None:
        started = time.monotonic()
        if synthesize(root=ROOT, out=self.home.assembly_dir):
            self._say(f"template synthesized in {time.monotonic() - started:.1f} s")

    def _start_database(self) -> DatabaseUrls:
        admin_url = os.environ.get("DATABASE_URL")
        if not admin_url:
            self._postgres = EmbeddedPostgres(
                self.home.postgres_dir, port=self.ports.postgres, log_path=self.home.logs_dir / "postgres.log"
            )
            self._postgres.start()
            admin_url = self._postgres.url
        return prepare_database(admin_url, secrets_path=self.home.secrets_path)

    def _start_endpoint(self) -> None:
        command = [sys.executable, "-m", "gpu_endpoint", "serve", "--port", str(self.ports.endpoint)]
        service = Service(
            name="endpoint",
            command=[*command, "--home", self.home.path],
            environment=dict(os.environ),
            cwd=ROOT,
            log_path=self.home.logs_dir / "endpoint.log",
            ready_url=f"{self._endpoint_url}/ping",
        )
        self._run(service)

    def _start_emulator(self, database: DatabaseUrls) -> None:
        config = self._emulator_config(database)
        path = self.home.emulator_dir / "emulator.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        config.write(path)
        service = Service(
            name="emulator",
            command=[sys.executable, "-m", "local_cloud.emulator", path],
            environment=dict(os.environ),
            cwd=ROOT,
            log_path=self.home.logs_dir / "emulator.log",
            ready_url=f"{self._emulator_url}/_sightline/workers",
            authority=self._authority,
        )
        self._run(service)

    def _emulator_config(self, database: DatabaseUrls) -> EmulatorConfig:
        addresses = LocalAddresses(
            emulator=self._emulator_url,
            endpoint=self._endpoint_url,
            database=database.app,
            owner_database=database.owner,
            ca_bundle=str(self._authority) if self._authority else None,
            bytecode_dir=str(self.home.path / "pycache"),
            passed_on={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        )
        return EmulatorConfig(
            port=self.ports.emulator,
            api_port=self.ports.api,
            state_dir=str(self.home.emulator_dir / "state"),
            objects_dir=str(self.home.objects_dir),
            logs_dir=str(self.home.logs_dir),
            scratch_dir=str(self.home.scratch_dir),
            sources_path=str(self.home.emulator_dir / "sources.json"),
            shared_code_dirs=(str(SHARED_CODE),),
            max_workers=max(2, os.cpu_count() or 2),
            api_timeout_s=API_TIMEOUT_S,
            iam=self._options.iam,
            certificate=str(self._certificate.chain) if self._certificate else None,
            certificate_key=str(self._certificate.key) if self._certificate else None,
            addresses=addresses,
        )

    def _run(self, service: Service) -> None:
        started = time.monotonic()
        self._services.append(service)
        if self.home.hold_path(service.name).exists():
            self._say(f"{service.name} is held back (`python -m local_cloud release {service.name}`)")
            return
        service.start()
        service.wait_ready()
        self._say(f"{service.name} ready in {time.monotonic() - started:.1f} s")

    def _deploy(self) -> None:
        started = time.monotonic()
        deployment = Deployment(
            emulator_url=self._emulator_url,
            assembly=self.home.assembly_dir,
            stack=STACK,
            authority=self._authority,
        )
        self._outputs = deployment.run(sources_path=self.home.emulator_dir / "sources.json")
        # CloudFormation runs migrations when they change; the database may be another one than last time.
        deployment.call(self._outputs["MigrateFunctionName"])
        self._say(f"{STACK} deployed in {time.monotonic() - started:.1f} s")
        wait_until(
            lambda: answers_ok(f"{self._api_url}/health", timeout_s=HEALTH_TIMEOUT_S),
            timeout_s=HEALTH_TIMEOUT_S,
            message=f"GET /health does not answer; see {self.home.logs_dir}/system_api.log",
        )
        answers_ok(f"{self._emulator_url}/_sightline/checkpoint", authority=self._authority)

    def _announce(self, started: float) -> None:
        self._write_cloud()
        self._say(f"Ready in {time.monotonic() - started:.1f} s: {self._api_url} (documentation: /docs)")
        self._say(f"Logs: {self.home.logs_dir}/<function>.log. Stop with Ctrl-C.")

    def _write_cloud(self) -> None:
        pids: dict[str, int | None] = {service.name: service.pid for service in self._services}
        if self._postgres is not None:
            pids["postgres"] = self._postgres.pid
        record_pids(self._pids_path, pids)
        facts: dict[str, Any] = {
            "pid": os.getpid(),
            "pids": pids,
            "api_url": self._api_url,
            "emulator_url": self._emulator_url,
            "endpoint_url": self._endpoint_url,
            "ports": vars(self.ports),
            "outputs": self._outputs,
        }
        self.home.write_cloud(facts)
