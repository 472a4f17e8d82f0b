"""Deploys a cloud assembly to the emulator: assets to S3, then the template, unmodified, to CloudFormation.

This is the part of `cdk deploy` that is needed here.
"""

import base64
import contextlib
import hashlib
import io
import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from local_cloud.emulator_config import ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY
from local_cloud.errors import DeployError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

DEADLINE_S = 120.0
_POLL_S = 0.05
_BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"


class Deployment:
    """One stack on one emulator."""

    def __init__(
        self, *, emulator_url: str, assembly: Path, stack: str, authority: Path | None = None
    ) -> None:
        self._assembly = assembly
        self._stack = stack
        self._session = boto3.Session(
            aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION
        )
        self._url = emulator_url
        self._verify = str(authority) if authority else True
        self._cloudformation: CloudFormationClient = self._client("cloudformation")

    def run(self, *, sources_path: Path, deadline_s: float = DEADLINE_S) -> dict[str, str]:
        """Deploy and return the stack's outputs.

        Raises: DeployError with the resources that failed, or when the deadline passes.
        """
        self._publish_assets(sources_path)
        template_url = self._publish_template()
        self._remove_failed_stack()
        if self._submit(template_url):
            self._wait(deadline_s)
        return self._outputs()

    def call(self, function_name: str) -> None:
        """Invoke a function with an empty event.

        Raises: DeployError with what it said when it fails.
        """
        answer = self._client("lambda").invoke(FunctionName=function_name, Payload=b"{}")
        if answer.get("FunctionError"):
            raise DeployError(f"{function_name} failed: {answer['Payload'].read().decode()}")

    def _client(self, service: str) -> Any:
        return self._session.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self._url,
            verify=self._verify,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}),
        )

    def _publish_assets(self, sources_path: Path) -> None:
        s3 = self._client("s3")
        self._client("ssm").put_parameter(Name=_BOOTSTRAP, Value="30", Type="String", Overwrite=True)
        folders: dict[str, str] = json.loads(sources_path.read_text()) if sources_path.exists() else {}
        manifest = json.loads((self._assembly / f"{self._stack}.assets.json").read_text())
        for asset in manifest["files"].values():
            if asset["source"]["packaging"] != "zip":
                continue  # the template itself
            folder = (self._assembly / asset["source"]["path"]).resolve()
            package = zip_folder(folder)
            folders[base64.b64encode(hashlib.sha256(package).digest()).decode()] = str(folder)
            for destination in asset["destinations"].values():
                bucket = _filled(destination["bucketName"])
                _make_bucket(s3, bucket)
                s3.put_object(Bucket=bucket, Key=_filled(destination["objectKey"]), Body=package)
        sources_path.write_text(json.dumps(folders, indent=1))

    def _publish_template(self) -> str:
        """CloudFormation takes templates over 51,200 bytes from S3 only."""
        s3 = self._client("s3")
        bucket = _filled("cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}")
        body = (self._assembly / f"{self._stack}.template.json").read_bytes()
        key = f"{hashlib.sha256(body).hexdigest()}.json"
        _make_bucket(s3, bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        return f"{self._url}/{bucket}/{key}"

    def _status(self) -> str | None:
        try:
            return self._cloudformation.describe_stacks(StackName=self._stack)["Stacks"][0]["StackStatus"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return None
            raise

    def _remove_failed_stack(self) -> None:
        """A stack whose creation failed, or was cut off, can only be deleted."""
        status = self._status()
        if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "CREATE_IN_PROGRESS"):
            self._cloudformation.update_termination_protection(
                EnableTerminationProtection=False, StackName=self._stack
            )
            self._cloudformation.delete_stack(StackName=self._stack)
            deadline = time.monotonic() + 30
            while self._status() not in (None, "DELETE_COMPLETE") and time.monotonic() < deadline:
                time.sleep(_POLL_S)

    def _submit(self, template_url: str) -> bool:
        """Create or update; False when there is nothing to do."""
        wanted: dict[str, Any] = {
            "StackName": self._stack,
            "TemplateURL": template_url,
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        }
        try:
            if self._status() in (None, "DELETE_COMPLETE"):
                self._cloudformation.create_stack(**wanted)
            else:
                self._cloudformation.update_stack(**wanted)
        except ClientError as error:
            message = error.response["Error"].get("Message", "")
            if "No updates are to be performed" in message:
                return False
            raise DeployError(f"The template was refused: {message}") from error
        return True

    def _wait(self, deadline_s: float) -> None:
        deadline = time.monotonic() + deadline_s
        while (status := self._status() or "").endswith("_IN_PROGRESS"):
            if time.monotonic() > deadline:
                raise DeployError(
                    f"The stack is still {status} after {deadline_s:.0f} s (a custom resource that never "
                    f"answers does that; see logs/migrate.log).\n{self._failures()}"
                )
            time.sleep(_POLL_S)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise DeployError(f"The stack ended as {status}.\n{self._failures()}")

    def _failures(self) -> str:
        events = self._cloudformation.describe_stack_events(StackName=self._stack)["StackEvents"]
        failed = [event for event in reversed(events) if "FAILED" in event.get("ResourceStatus", "")]
        return "\n".join(
            f"  {event.get('LogicalResourceId')} ({event.get('ResourceType')}): "
            f"{event.get('ResourceStatusReason', 'no reason given')}"
            for event in failed[-10:]
        )

    def _outputs(self) -> dict[str, str]:
        stack = self._cloudformation.describe_stacks(StackName=self._stack)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def zip_folder(folder: Path) -> bytes:
    """The same bytes for the same files; the folder's name is among them: no two folders share a hash."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        package.comment = folder.name.encode()
        for path in _sources(folder):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)))
            entry.external_attr = 0o644 << 16
            package.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def _sources(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def _make_bucket(s3: Any, name: str) -> None:
    """One that is there already is ours: of an earlier start, or of a call whose answer came too late."""
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=name)


def _filled(text: str) -> str:
    known = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": "aws"}
    for name, value in known.items():
        text = text.replace(f"${{{name}}}", value)
    return text
