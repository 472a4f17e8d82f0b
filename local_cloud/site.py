"""Where each part of one local cloud lies and answers, and the command that runs it."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from local_cloud.certificate import Certificate
from local_cloud.database import DatabaseUrls
from local_cloud.emulator_config import ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY, EmulatorConfig
from local_cloud.environment import PASSED_ON, LocalAddresses
from local_cloud.gateway_seam import API_TIMEOUT_S
from local_cloud.home import ROOT, Home, Ports
from local_cloud.services import Service

# The name that infra_cdk/model_store.py gives the bucket of the stage that runs here.
MODEL_STORE = f"s3://sightline-dev-models-{ACCOUNT}-{REGION}/models"
EMULATOR_PATIENCE_S = 30.0  # it saves its state when it is asked to end
SHARED_CODE = ROOT / "layers" / "core" / "python"


@dataclass(frozen=True)
class Site:
    """A home on its ports; with a certificate, IAM is evaluated and the emulator serves TLS."""

    home: Home
    ports: Ports
    certificate: Certificate | None

    @property
    def authority(self) -> Path | None:
        """Whom to trust when talking to the emulator."""
        return self.certificate.authority if self.certificate else None

    @property
    def emulator_url(self) -> str:
        return f"{'https' if self.certificate else 'http'}://localhost:{self.ports.emulator}"

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.api}"

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.endpoint}"

    @property
    def sources_path(self) -> Path:
        """The map from deployed packages to source folders."""
        return self.home.emulator_dir / "sources.json"

    def endpoint(self) -> Service:
        """The inference endpoint's process, not started."""
        command = [sys.executable, "-m", "gpu_endpoint", "serve", "--port", str(self.ports.endpoint)]
        return Service(
            name="endpoint",
            command=[*command, "--home", self.home.path],
            environment={**os.environ, **self._model_store()},
            cwd=ROOT,
            log_path=self.home.logs_dir / "endpoint.log",
            ready_url=f"{self.endpoint_url}/ping",
        )

    def emulator(self, database: DatabaseUrls) -> Service:
        """The emulator's process, configured and not started."""
        path = self.home.emulator_dir / "emulator.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._emulator_config(database).write(path)
        return Service(
            name="emulator",
            command=[sys.executable, "-m", "local_cloud.emulator", path],
            environment=dict(os.environ),
            cwd=ROOT,
            log_path=self.home.logs_dir / "emulator.log",
            ready_url=f"{self.emulator_url}/_sightline/workers",
            authority=self.authority,
            patience_s=EMULATOR_PATIENCE_S,
        )

    def _model_store(self) -> dict[str, str]:
        """Where the endpoint finds its desired state: the emulator's bucket, or what is set already."""
        if "SIGHTLINE_MODEL_STORE" in os.environ:
            return {}
        added = {
            "SIGHTLINE_MODEL_STORE": MODEL_STORE,
            "SIGHTLINE_MODEL_STORE_OPTIONAL": "true",  # both start at once; the emulator takes longer
            "AWS_ENDPOINT_URL": self.emulator_url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
        }
        return added | ({"AWS_CA_BUNDLE": str(self.authority)} if self.authority else {})

    def _emulator_config(self, database: DatabaseUrls) -> EmulatorConfig:
        return EmulatorConfig(
            port=self.ports.emulator,
            api_port=self.ports.api,
            state_dir=str(self.home.emulator_dir / "state"),
            objects_dir=str(self.home.objects_dir),
            logs_dir=str(self.home.logs_dir),
            scratch_dir=str(self.home.scratch_dir),
            sources_path=str(self.sources_path),
            shared_code_dirs=(str(SHARED_CODE),),
            max_workers=max(2, os.cpu_count() or 2),
            api_timeout_s=API_TIMEOUT_S,
            iam=self.certificate is not None,
            certificate=str(self.certificate.chain) if self.certificate else None,
            certificate_key=str(self.certificate.key) if self.certificate else None,
            addresses=self._addresses(database),
        )

    def _addresses(self, database: DatabaseUrls) -> LocalAddresses:
        return LocalAddresses(
            emulator=self.emulator_url,
            endpoint=self.endpoint_url,
            database=database.app,
            owner_database=database.owner,
            ca_bundle=str(self.authority) if self.authority else None,
            bytecode_dir=str(self.home.path / "pycache"),
            passed_on={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        )
