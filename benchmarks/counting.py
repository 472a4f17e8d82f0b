"""Counts what a video makes the cloud do: calls of AWS, Lambda time, transitions, rows."""

import os
import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from benchmarks.cloud import Cloud
from benchmarks.crowd import use
from sightline.database import transaction

REPORT = re.compile(r"Duration: ([\d.]+) ms\tMemory Size: (\d+) MB")
READS = ("GetObject", "HeadObject")
OUTPUTS = {
    "SIGHTLINE_MEDIA_BUCKET": "MediaBucketName",
    "SIGHTLINE_ENDPOINT_NAME": "EndpointName",
    "SIGHTLINE_EVENT_BUS_NAME": "EventBusName",
    "SIGHTLINE_STATE_MACHINE_ARN": "StateMachineArn",
    "SIGHTLINE_PURGE_QUEUE_URL": "PurgeQueueUrl",
    "SIGHTLINE_ALERT_QUEUE_URL": "AlertQueueUrl",
    "SIGHTLINE_USER_POOL_ID": "UserPoolId",
    "SIGHTLINE_USER_POOL_CLIENT_ID": "UserPoolClientId",
}


class Calls:
    """Every request that boto3 sends in this process, by operation, with the bytes of its body."""

    def __init__(self) -> None:
        self.operations: Counter[str] = Counter()
        self.sent_bytes: Counter[str] = Counter()
        self._lock = threading.Lock()

    def watch(self) -> None:
        """From now on, for clients of the default session that are made from now on."""
        boto3.setup_default_session(region_name=os.environ["AWS_DEFAULT_REGION"])
        assert boto3.DEFAULT_SESSION is not None
        boto3.DEFAULT_SESSION.events.register("before-send", self._count)

    def _count(self, event_name: str, request: Any, **_: Any) -> None:
        operation = event_name.removeprefix("before-send.")
        with self._lock:
            self.operations[operation] += 1
            self.sent_bytes[operation] += int(request.headers.get("Content-Length", 0))

    def of(self, service: str) -> Counter[str]:
        """One service's, by operation."""
        return Counter(
            {
                name.split(".", 1)[1]: n
                for name, n in self.operations.items()
                if name.startswith(f"{service}.")
            }
        )


def environment_of(cloud: Cloud) -> dict[str, str]:
    """The environment of a function in this cloud."""
    description = cloud.description
    return os.environ | {
        "AWS_ENDPOINT_URL": description["emulator_url"],
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": description["endpoint_url"],
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "POWERTOOLS_SERVICE_NAME": "benchmarks",
        "SIGHTLINE_COGNITO_URL": description["emulator_url"],
        "SIGHTLINE_SOURCE_PREFIX": "/sightline/dev/sources",
        "SIGHTLINE_DATABASE_URL": cloud.database.app,
        "SIGHTLINE_OWNER_DATABASE_URL": cloud.database.owner,
        **{name: description["outputs"][output] for name, output in OUTPUTS.items()},
    }


def enter(cloud: Cloud) -> None:
    """Lets this process do a function's work: its settings, its credentials, its database."""
    os.environ.update(environment_of(cloud))
    use(cloud.database)


@dataclass(frozen=True)
class Used:
    """What one function ran for."""

    invocations: int
    memory_mb: int
    gb_s: float


class LambdaTime:
    """What the functions ran for, read from the REPORT lines of their logs."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._read = {path: path.stat().st_size for path in logs.glob("*.log")}

    def since(self) -> dict[str, Used]:
        """By function, since this was made."""
        found = {}
        for path in sorted(self._logs.glob("*.log")):
            text = path.read_bytes()[self._read.get(path, 0) :].decode(errors="replace")
            reports = [(float(ms), int(mb)) for ms, mb in REPORT.findall(text)]
            if reports:
                gb_s = sum(ms / 1000 * mb / 1024 for ms, mb in reports)
                found[path.stem] = Used(len(reports), reports[-1][1], gb_s)
        return found


def transitions(cloud: Cloud, asset_id: str, used: Mapping[str, Used]) -> int:
    """States entered by a video's executions and those of its batches.

    The emulator's history leaves out what happens inside an inline Map. There each chunk enters one task and
    one inner Map, each sheet one task, and each batch the task that starts its execution.
    """
    steps = boto3.client("stepfunctions")
    outputs, entered = cloud.description["outputs"], 0
    for machine in ("StateMachineArn", "BatchStateMachineArn"):
        for execution in steps.list_executions(stateMachineArn=outputs[machine])["executions"]:
            arn = execution["executionArn"]
            if asset_id not in steps.describe_execution(executionArn=arn)["input"]:
                continue
            pages = steps.get_paginator("get_execution_history").paginate(executionArn=arn)
            entered += sum(e["type"].endswith("StateEntered") for page in pages for e in page["events"])
            entered += machine == "BatchStateMachineArn"
    return entered + 2 * used["extract_frames"].invocations + used["embed_frames"].invocations


def rows(cloud: Cloud, asset_id: str) -> Mapping[str, int]:
    """What a video left in Postgres."""
    with transaction(cloud.workspace_id) as conn:
        found = conn.execute(
            "SELECT (SELECT count(*) FROM media_sheet WHERE asset_id = %(id)s) AS sheets,"
            " (SELECT count(*) FROM media_chunk WHERE asset_id = %(id)s) AS chunks,"
            " (SELECT sum(tiles) FROM media_sheet WHERE asset_id = %(id)s) AS points",
            {"id": asset_id},
        ).fetchone()
    assert found is not None
    return {name: int(value) for name, value in found.items()}
