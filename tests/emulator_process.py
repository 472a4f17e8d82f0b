"""The emulator with our seams, on its own: for tests that deploy small templates of their own."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_cloud import ports
from local_cloud.deploy import Deployment, zip_folder
from local_cloud.emulator_config import ACCOUNT, EmulatorConfig
from local_cloud.environment import LocalAddresses
from local_cloud.services import Service
from tests.running_cloud import aws_client

REPOSITORY = Path(__file__).resolve().parent.parent
ROLE = f"arn:aws:iam::{ACCOUNT}:role/test"
API_TIMEOUT_S = 1.0


class EmulatorProcess:
    """One process on free ports; its state lies in `folder` and survives a kill."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.api_port = ports.free_port(), ports.free_port()
        self.url = f"http://localhost:{self.port}"
        self.api_url = f"http://127.0.0.1:{self.api_port}"
        config_path = folder / "emulator.json"
        self._config().write(config_path)
        self.service = Service(
            name="emulator",
            command=[sys.executable, "-m", "local_cloud.emulator", config_path],
            environment=dict(os.environ),
            cwd=REPOSITORY,
            log_path=folder / "emulator.log",
            ready_url=f"{self.url}/_sightline/workers",
        )

    def start(self) -> None:
        """Returns when it answers."""
        self.service.start()
        self.service.wait_ready()

    def kill(self) -> None:
        """SIGKILL."""
        assert self.service.process is not None
        self.service.process.kill()

    def stop(self) -> None:
        """In peace."""
        self.service.stop()

    def aws(self, service: str) -> Any:
        """An AWS client with the administrator's key."""
        return aws_client(service, url=self.url)

    def write_function(self, name: str, source: str) -> Path:
        """A source folder with one module, handler.py."""
        folder = self.folder / "functions" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "handler.py").write_text(source)
        return folder

    def deploy(
        self,
        stack: str,
        *,
        resources: Mapping[str, Any],
        outputs: Mapping[str, Any] | None = None,
        functions: Mapping[str, str] | None = None,
        deadline_s: float = 60,
    ) -> dict[str, str]:
        """Deploy a template as the CDK writes one; `functions` maps names to the source of handler.py."""
        assembly = self.folder / f"{stack}.out"
        assembly.mkdir(exist_ok=True)
        files = {}
        for name, source in (functions or {}).items():
            folder = self.write_function(name, source)
            destination = {
                "bucketName": f"cdk-hnb659fds-assets-{ACCOUNT}-us-east-1",
                "objectKey": f"{name}.zip",
            }
            files[name] = {
                "source": {"path": str(folder), "packaging": "zip"},
                "destinations": {"here": destination},
            }
            assert zip_folder(folder)
        (assembly / f"{stack}.assets.json").write_text(json.dumps({"files": files}))
        template = {
            "Resources": resources,
            "Outputs": {name: {"Value": value} for name, value in (outputs or {}).items()},
        }
        (assembly / f"{stack}.template.json").write_text(json.dumps(template))
        deployment = Deployment(emulator_url=self.url, assembly=assembly, stack=stack)
        return deployment.run(sources_path=self.folder / "sources.json", deadline_s=deadline_s)

    def _config(self) -> EmulatorConfig:
        return EmulatorConfig(
            port=self.port,
            api_port=self.api_port,
            state_dir=str(self.folder / "state"),
            objects_dir=str(self.folder / "objects"),
            logs_dir=str(self.folder / "logs"),
            scratch_dir=str(self.folder / "tmp"),
            sources_path=str(self.folder / "sources.json"),
            shared_code_dirs=(),
            max_workers=4,
            api_timeout_s=API_TIMEOUT_S,
            iam=False,
            certificate=None,
            certificate_key=None,
            addresses=LocalAddresses(
                emulator=self.url,
                endpoint="http://127.0.0.1:9",
                database="postgresql://app@127.0.0.1:9/none",
                owner_database="postgresql://owner@127.0.0.1:9/none",
                ca_bundle=None,
                bytecode_dir=str(self.folder / "bytecode"),
                passed_on={},
            ),
        )


def function(name: str, **properties: Any) -> dict[str, Any]:
    """A Lambda resource whose code is the asset of that name."""
    code = {"S3Bucket": f"cdk-hnb659fds-assets-{ACCOUNT}-us-east-1", "S3Key": f"{name}.zip"}
    base = {"Runtime": "python3.11", "Handler": "handler.handler", "Role": ROLE, "Code": code, "Timeout": 10}
    return {"Type": "AWS::Lambda::Function", "Properties": base | {"FunctionName": name} | properties}


def machine(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A JSONata state machine."""
    text = json.dumps({"QueryLanguage": "JSONata", **definition})
    return {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"DefinitionString": text, "RoleArn": ROLE},
    }
