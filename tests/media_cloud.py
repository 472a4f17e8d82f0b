"""What the media functions need around them: a bucket, queues, a bus and a state machine of the emulator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import boto3
import httpx
import pytest

from sightline import wiring
from sightline.database import transaction
from sightline.settings import get_settings
from tests.conftest import Database, Workspace
from tests.endpoint_process import EndpointProcess

EVENTS = Path(__file__).resolve().parent.parent / "events"
# The identifiers in events/: tests put real ones in their place.
SAMPLE_WORKSPACE = "0193a1b2-0000-7000-8000-000000000001"
SAMPLE_ASSET = "0193a1b2-0000-7000-8000-0000000000a1"
SAMPLE_USER = "0193a1b2-0000-7000-8000-0000000000c1"
SAMPLE_VERSION = "3sL4kqtJlcpXroDTDmJ-rmSpXd3dIbrHY"

# Stays RUNNING until it is stopped: tests are the state machine.
WAITING = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 86_400, "End": True}}}


@dataclass(frozen=True)
class MediaCloud:
    """The emulator's resources, and the clients tests look at them with."""

    bucket: str
    purge_queue: str
    bus_queue: str
    state_machine: str
    s3: Any
    sqs: Any
    states: Any

    def executions(self, asset_id: UUID | str) -> list[str]:
        """Names of the asset's executions."""
        pages = self.states.get_paginator("list_executions").paginate(stateMachineArn=self.state_machine)
        names = [found["name"] for page in pages for found in page["executions"]]
        return sorted(name for name in names if name.startswith(str(asset_id)))

    def end(self, name: str) -> None:
        """Stops an execution, as a crash or an operator would."""
        arn = self.state_machine.replace(":stateMachine:", ":execution:") + f":{name}"
        self.states.stop_execution(executionArn=arn)

    def keys(self, prefix: str) -> list[str]:
        """Keys that have any version at all, or a delete marker."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix)
        return sorted(
            {
                found["Key"]
                for page in pages
                for kind in ("Versions", "DeleteMarkers")
                for found in page.get(kind, [])
            }
        )

    def purges(self, asset_id: UUID | str) -> list[dict[str, Any]]:
        """Purge messages of an asset, taken from the queue."""
        return [m for m in self._taken(self.purge_queue) if m.get("asset_id") == str(asset_id)]

    def heard(self, asset_id: UUID | str) -> list[tuple[str, int]]:
        """Events of an asset on the bus: name and run."""
        told = self._taken(self.bus_queue)
        return [
            (event["detail-type"], event["detail"]["run"])
            for event in told
            if event["detail"].get("asset_id") == str(asset_id)
        ]

    def heard_exports(self) -> list[tuple[str, str]]:
        """Events of exports on the bus: name and export."""
        return self._heard("export_id")

    def heard_imports(self) -> list[tuple[str, str]]:
        """Events of imports on the bus: name and import."""
        return self._heard("import_id")

    def _heard(self, about: str) -> list[tuple[str, str]]:
        told = self._taken(self.bus_queue)
        return [(event["detail-type"], event["detail"][about]) for event in told if about in event["detail"]]

    def _taken(self, queue: str) -> list[dict[str, Any]]:
        taken: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                taken.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return taken


@pytest.fixture(scope="session")
def media_resources(emulator: str) -> MediaCloud:
    """Made once a session."""
    s3, sqs = boto3.client("s3", endpoint_url=emulator), boto3.client("sqs", endpoint_url=emulator)
    states = boto3.client("stepfunctions", endpoint_url=emulator)
    bucket = f"media-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    machine = states.create_state_machine(
        name=bucket, definition=json.dumps(WAITING), roleArn=_role(emulator, bucket)
    )
    return MediaCloud(
        bucket=bucket,
        purge_queue=sqs.create_queue(QueueName=f"{bucket}-purges")["QueueUrl"],
        bus_queue=_listening_queue(emulator, sqs, bucket),
        state_machine=machine["stateMachineArn"],
        s3=s3,
        sqs=sqs,
        states=states,
    )


def _role(emulator: str, name: str) -> str:
    """A role that state machines may take."""
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = boto3.client("iam", endpoint_url=emulator)
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    return arn


def _listening_queue(emulator: str, sqs: Any, bus: str) -> str:
    """A queue that hears everything on a new bus."""
    events = boto3.client("events", endpoint_url=emulator)
    events.create_event_bus(Name=bus)
    url: str = sqs.create_queue(QueueName=f"{bus}-heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = {"Version": "2012-10-17", "Statement": [allow]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    events.put_rule(Name="all", EventBusName=bus, EventPattern=json.dumps({"source": ["sightline"]}))
    events.put_targets(Rule="all", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    return url


@pytest.fixture
def media_cloud(
    database: Database, emulator: str, media_resources: MediaCloud, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MediaCloud]:
    """The resources, with our settings pointing at them."""
    for service in ("S3", "SQS", "EVENTBRIDGE", "SFN"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", emulator)
    monkeypatch.setenv("SIGHTLINE_MEDIA_BUCKET", media_resources.bucket)
    monkeypatch.setenv("SIGHTLINE_PURGE_QUEUE_URL", media_resources.purge_queue)
    monkeypatch.setenv("SIGHTLINE_EVENT_BUS_NAME", media_resources.bucket)
    monkeypatch.setenv("SIGHTLINE_STATE_MACHINE_ARN", media_resources.state_machine)
    # The sweep looks after imports that other tests left behind, too.
    monkeypatch.setenv("SIGHTLINE_IMPORT_MACHINE_ARN", media_resources.state_machine)
    forget_providers()
    yield media_resources
    forget_providers()


@pytest.fixture
def embedding(
    media_cloud: MediaCloud, inference_endpoint: EndpointProcess, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EndpointProcess]:
    """The real endpoint process behind the embedder."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", inference_endpoint.url)
    monkeypatch.setenv("SIGHTLINE_ENDPOINT_NAME", "tests")
    forget_providers()
    yield inference_endpoint
    forget_providers()


def forget_providers() -> None:
    """Settings and providers are made anew from the environment."""
    get_settings.cache_clear()
    for provider in (
        wiring.blobs,
        wiring.events,
        wiring.purges,
        wiring.media_pipeline,
        wiring.export_runs,
        wiring.import_runs,
        wiring.sources,
        wiring.embedder,
    ):
        provider.cache_clear()


def sample(name: str, *, workspace: Workspace, asset_id: UUID | str = SAMPLE_ASSET, version: str = "") -> Any:
    """A sample event with real identifiers in it."""
    text = (EVENTS / f"{name}.json").read_text()
    text = text.replace(SAMPLE_WORKSPACE, str(workspace.id)).replace(SAMPLE_ASSET, str(asset_id))
    text = text.replace(SAMPLE_USER, str(workspace.user_id)).replace(
        SAMPLE_VERSION, version or SAMPLE_VERSION
    )
    return json.loads(text)


def put(url: str, data: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    """Uploads as any HTTP client would."""
    return httpx.put(url, content=data, headers=headers or {}, timeout=30)


def count(query: str, *values: Any, workspace: Workspace) -> int:
    """A number from the database, as the workspace sees it."""
    with transaction(workspace.id) as conn:
        row = conn.execute(query, values).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return int(next(iter(row.values())))


def age(asset_id: UUID | str, seconds: float, *, workspace: Workspace) -> None:
    """Lets time pass for an asset."""
    with transaction(workspace.id) as conn:
        conn.execute(
            "UPDATE asset SET heartbeat_at = heartbeat_at - %(by)s * interval '1 second',"
            " swept_at = swept_at - %(by)s * interval '1 second',"
            " upload_deadline = upload_deadline - %(by)s * interval '1 second' WHERE id = %(id)s",
            {"by": seconds, "id": asset_id},
        )


Invoke = Callable[[dict[str, Any]], Any]
