"""Brings the whole cloud up on one machine, keeps it up, and takes it down."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from local_cloud.certificate import ensure_certificate
from local_cloud.database import DatabaseUrls, prepare_database
from local_cloud.deploy import Deployment
from local_cloud.home import ROOT, Home
from local_cloud.postgres import EmbeddedPostgres
from local_cloud.seams import check_emulator
from local_cloud.services import Service, answers_ok, end_leftovers, record_pids, wait_until
from local_cloud.site import Site
from local_cloud.space import require_space
from local_cloud.synth import STACK, synthesize

HEALTH_TIMEOUT_S = 30.0
LOOK_S = 0.2
Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What the command line may choose."""

    home: Path
    api_port: int | None = None
    any_port: bool = False
    iam: bool = False


class LocalCloud:
    """Postgres, the emulator and the inference endpoint, with the template deployed."""

    def __init__(self, options: Options, *, say: Say) -> None:
        self.home = Home(options.home.resolve())
        self._options = options
        self._say = say
        self._services: list[Service] = []
        self._postgres: EmbeddedPostgres | None = None

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
        ports = self.home.choose_ports(api_port=self._options.api_port, any_port=self._options.any_port)
        certificate = ensure_certificate(self.home.path / "tls") if self._options.iam else None
        site = Site(self.home, ports, certificate)
        with ThreadPoolExecutor(3) as pool:
            assembly = pool.submit(self._synthesize)
            endpoint = pool.submit(self._run, site.endpoint())
            emulator = pool.submit(self._run, site.emulator(self._start_database(ports.postgres)))
            for step in (emulator, assembly, endpoint):
                step.result()
        self._announce(site, outputs=self._deploy(site))
        self._say(f"Ready in {time.monotonic() - started:.1f} s: {site.api_url} (documentation: /docs)")
        self._say(f"Logs: {self.home.logs_dir}/<function>.log. Stop with Ctrl-C.")

    def watch(self) -> None:
        """Restart what ends, for as long as we are let.

        Raises: LocalCloudError when something keeps ending.
        """
        while True:
            time.sleep(LOOK_S)
            for service in self._services:
                if service.pid is None and self._wanted(service.name):
                    service.restart()
                    service.wait_ready()
                    self._announce_pids()
            if self._postgres and self._postgres.pid is None and self._wanted("postgres"):
                self._postgres.restart()
                self._announce_pids()

    def stop(self) -> None:
        """The emulator first (its workers use the others), Postgres last."""
        self.home.cloud_path.unlink(missing_ok=True)
        for service in sorted(self._services, key=lambda service: service.name != "emulator"):
            service.stop()
        if self._postgres is not None:
            self._postgres.stop()
        self._pids_path.unlink(missing_ok=True)

    @property
    def _pids_path(self) -> Path:
        return self.home.path / "pids.json"

    def _wanted(self, name: str) -> bool:
        """False while somebody holds the service down."""
        if self.home.hold_path(name).exists():
            return False
        self._say(f"{name} ended; starting it again")
        return True

    def _synthesize(self) -> None:
        started = time.monotonic()
        if synthesize(root=ROOT, out=self.home.assembly_dir):
            self._say(f"template synthesized in {time.monotonic() - started:.1f} s")

    def _start_database(self, port: int) -> DatabaseUrls:
        admin_url = os.environ.get("DATABASE_URL")
        if not admin_url:
            log_path = self.home.logs_dir / "postgres.log"
            self._postgres = EmbeddedPostgres(self.home.postgres_dir, port=port, log_path=log_path)
            self._postgres.start()
            admin_url = self._postgres.url
        return prepare_database(admin_url, secrets_path=self.home.secrets_path)

    def _run(self, service: Service) -> None:
        started = time.monotonic()
        self._services.append(service)
        if self.home.hold_path(service.name).exists():
            self._say(f"{service.name} is held back (`python -m local_cloud release {service.name}`)")
            return
        service.start()
        service.wait_ready()
        self._say(f"{service.name} ready in {time.monotonic() - started:.1f} s")

    def _deploy(self, site: Site) -> dict[str, str]:
        started = time.monotonic()
        deployment = Deployment(
            emulator_url=site.emulator_url,
            assembly=self.home.assembly_dir,
            stack=STACK,
            authority=site.authority,
        )
        outputs = deployment.run(sources_path=site.sources_path)
        # CloudFormation runs migrations when they change; the database may be another one than last time.
        deployment.call(outputs["MigrateFunctionName"])
        self._say(f"{STACK} deployed in {time.monotonic() - started:.1f} s")
        wait_until(
            lambda: answers_ok(f"{site.api_url}/health", timeout_s=HEALTH_TIMEOUT_S),
            timeout_s=HEALTH_TIMEOUT_S,
            message=f"GET /health does not answer; see {self.home.logs_dir}/system_api.log",
        )
        answers_ok(f"{site.emulator_url}/_sightline/checkpoint", authority=site.authority)
        return outputs

    def _announce(self, site: Site, *, outputs: dict[str, str]) -> None:
        facts = {
            "pid": os.getpid(),
            "api_url": site.api_url,
            "emulator_url": site.emulator_url,
            "endpoint_url": site.endpoint_url,
            "ports": vars(site.ports),
            "outputs": outputs,
        }
        self.home.write_cloud({**facts, "pids": self._record_pids()})

    def _announce_pids(self) -> None:
        self.home.write_cloud({**(self.home.read_cloud() or {}), "pids": self._record_pids()})

    def _record_pids(self) -> dict[str, int | None]:
        pids: dict[str, int | None] = {service.name: service.pid for service in self._services}
        if self._postgres is not None:
            pids["postgres"] = self._postgres.pid
        record_pids(self._pids_path, pids)
        return pids
