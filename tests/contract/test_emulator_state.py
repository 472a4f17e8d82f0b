"""What the emulator keeps when it is killed, and what it must not pretend to have kept."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local_cloud.errors import DeployError
from local_cloud.services import running
from tests.emulator_process import EmulatorProcess, function, machine
from tests.running_cloud import wait_until

pytestmark = pytest.mark.contract

STATELESS = "def handler(event, context):\n    return 'answered'\n"
SIGN_UP = {"Username": "ada@example.org", "Password": "Correct-Horse-7"}


@pytest.fixture
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    """One of its own: it is killed here."""
    emulator = EmulatorProcess(tmp_path_factory.mktemp("killed"))
    emulator.start()
    yield emulator
    emulator.stop()


def test_a_killed_emulator_comes_back_with_everything_stored(emulator: EmulatorProcess) -> None:
    resources = _resources()
    outputs = emulator.deploy(
        "Kept", resources=resources, outputs=_outputs(), functions={"stateless": STATELESS}
    )
    s3, sqs, users = emulator.aws("s3"), emulator.aws("sqs"), emulator.aws("cognito-idp")
    place = {"Bucket": outputs["Bucket"], "Key": "uploads/a"}
    versions = [s3.put_object(**place, Body=body)["VersionId"] for body in (b"old", b"new")]
    upload = s3.create_multipart_upload(Bucket=outputs["Bucket"], Key="big")["UploadId"]
    sqs.send_message(QueueUrl=outputs["Queue"], MessageBody="waiting")
    users.sign_up(ClientId=outputs["Client"], **SIGN_UP)
    running = emulator.aws("stepfunctions").start_execution(stateMachineArn=outputs["Machine"], input="{}")
    httpx.get(f"{emulator.url}/_sightline/checkpoint").raise_for_status()

    emulator.kill()
    emulator.start()

    assert [s3.get_object(**place, VersionId=version)["Body"].read() for version in versions] == [
        b"old",
        b"new",
    ]
    assert sqs.receive_message(QueueUrl=outputs["Queue"])["Messages"][0]["Body"] == "waiting"
    pool = {"UserPoolId": outputs["Pool"], "Username": SIGN_UP["Username"]}
    assert users.admin_get_user(**pool)["UserStatus"] == "UNCONFIRMED"
    answer = emulator.aws("lambda").invoke(FunctionName="stateless", Payload=b"{}")
    assert json.loads(answer["Payload"].read()) == "answered"
    execution = emulator.aws("stepfunctions").describe_execution(executionArn=running["executionArn"])
    assert execution["status"] == "FAILED", "nothing runs it any more"
    assert emulator.deploy(
        "Kept", resources=resources, outputs=_outputs(), functions={"stateless": STATELESS}
    )
    with pytest.raises(s3.exceptions.NoSuchUpload):
        s3.upload_part(Bucket=outputs["Bucket"], Key="big", UploadId=upload, PartNumber=1, Body=b"x")


def test_state_is_written_without_being_asked(emulator: EmulatorProcess) -> None:
    outputs = emulator.deploy(
        "Kept", resources=_resources(), outputs=_outputs(), functions={"stateless": STATELESS}
    )
    emulator.aws("sqs").send_message(QueueUrl=outputs["Queue"], MessageBody="by itself")
    path = emulator.folder / "state" / "sqs.json"

    wait_until(
        lambda: path.exists() and "by itself" in path.read_text(),
        timeout_s=10,
        what="the periodic checkpoint",
    )


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_deploy_that_was_cut_off_can_be_done_again(emulator: EmulatorProcess, how: str) -> None:
    before = {"Bucket": {"Type": "AWS::S3::Bucket"}, "Slow": function("slow", Timeout=60)}
    slow = {"slow": "import time\ndef handler(event, context):\n    time.sleep(60)\n"}
    custom = {"ServiceToken": {"Fn::GetAtt": ["Slow", "Arn"]}}
    during = before | {"Custom": {"Type": "Custom::Slow", "Properties": custom}}
    outputs = {"Bucket": {"Ref": "Bucket"}}
    first = emulator.deploy("Cut", resources=before, outputs=outputs, functions=slow)
    httpx.get(f"{emulator.url}/_sightline/checkpoint").raise_for_status()
    for stack, resources in (("Cut", during), ("New", during)):
        with pytest.raises(DeployError, match="IN_PROGRESS after 1 s"):
            emulator.deploy(stack, resources=resources, outputs=outputs, functions=slow, deadline_s=1)

    emulator.kill() if how == "kill" else emulator.stop()
    emulator.start()

    assert emulator.deploy("Cut", resources=before, outputs=outputs, functions=slow) == first
    assert emulator.deploy("New", resources={"Bucket": before["Bucket"]}, outputs=outputs)


def test_workers_end_with_the_emulator(emulator: EmulatorProcess) -> None:
    sleeper = "import time\ndef handler(event, context):\n    time.sleep(60)\n"
    emulator.deploy(
        "Sleeping", resources={"Sleeper": function("sleeper", Timeout=90)}, functions={"sleeper": sleeper}
    )
    call = {"FunctionName": "sleeper", "Payload": b"{}"}
    caller = threading.Thread(target=_ignore_the_end_of, args=(emulator, call), daemon=True)
    caller.start()

    def sleeping() -> list[int]:
        found: dict[str, list[int]] = httpx.get(f"{emulator.url}/_sightline/workers").json()
        return found.get("sleeper", [])

    (pid,) = wait_until(sleeping, timeout_s=10, what="the worker's start")
    emulator.kill()

    wait_until(lambda: not running(pid), timeout_s=10, what="the worker's end")


def _ignore_the_end_of(emulator: EmulatorProcess, call: dict[str, Any]) -> None:
    from botocore.exceptions import BotoCoreError

    with pytest.raises(BotoCoreError):
        emulator.aws("lambda").invoke(**call)


def _resources() -> dict[str, Any]:
    waiting = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
    return {
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"VersioningConfiguration": {"Status": "Enabled"}},
        },
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Pool": {
            "Type": "AWS::Cognito::UserPool",
            "Properties": {"UsernameAttributes": ["email"], "AutoVerifiedAttributes": ["email"]},
        },
        "Client": {"Type": "AWS::Cognito::UserPoolClient", "Properties": {"UserPoolId": {"Ref": "Pool"}}},
        "Machine": machine(waiting),
        "Stateless": function("stateless"),
    }


def _outputs() -> dict[str, Any]:
    return {name: {"Ref": name} for name in ("Bucket", "Queue", "Pool", "Client", "Machine")}
