"""Queues, state machines, events and the template in the emulator behave as the platform counts on."""

import itertools
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from botocore.exceptions import ClientError

from local_cloud.errors import DeployError
from local_cloud.provisioners import RECORD_ONLY
from tests.emulator_process import EmulatorProcess, function, machine
from tests.running_cloud import wait_until

pytestmark = pytest.mark.contract

# Notes each call in a file, so that a test sees when the function ran and what it was given.
NOTING = """
import json, pathlib, time

NOTES = pathlib.Path({notes!r})

def handler(event, context):
    with NOTES.open("a") as notes:
        notes.write(json.dumps({{"at": time.time(), "event": event}}) + chr(10))
    if isinstance(event, dict) and event.get("fail"):
        raise ConnectionError("not today")
    if isinstance(event, dict) and "Records" in event:
        bad = [r["messageId"] for r in event["Records"] if "bad" in r["body"]]
        return {{"batchItemFailures": [{{"itemIdentifier": item}} for item in bad]}}
    return {{"seen": event}}
"""


class Notes:
    """What a noting function was called with."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def source(self) -> str:
        return NOTING.format(notes=str(self.path))

    def read(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]


def run(emulator: EmulatorProcess, arn: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Run a state machine to its end."""
    client = emulator.aws("stepfunctions")
    execution = client.start_execution(stateMachineArn=arn, input=json.dumps(given))["executionArn"]

    def ended() -> dict[str, Any] | None:
        described: dict[str, Any] = client.describe_execution(executionArn=execution)
        return described if described["status"] != "RUNNING" else None

    return wait_until(ended, timeout_s=30, what="the end of the execution")


def test_a_failed_message_comes_back_after_its_visibility_and_ends_in_the_dead_letter_queue(
    seamed_emulator: EmulatorProcess, tmp_path: Path
) -> None:
    notes = Notes(tmp_path / "notes")
    outputs = seamed_emulator.deploy(
        "Queue",
        resources={
            "Dead": {"Type": "AWS::SQS::Queue"},
            "Jobs": {
                "Type": "AWS::SQS::Queue",
                "Properties": {
                    "VisibilityTimeout": 2,
                    "RedrivePolicy": {
                        "deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]},
                        "maxReceiveCount": 2,
                    },
                },
            },
            "Consumer": function("consumer", Timeout=2),
            "Mapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "EventSourceArn": {"Fn::GetAtt": ["Jobs", "Arn"]},
                    "FunctionName": {"Ref": "Consumer"},
                    "BatchSize": 10,
                    "FunctionResponseTypes": ["ReportBatchItemFailures"],
                },
            },
        },
        outputs={"Jobs": {"Ref": "Jobs"}, "Dead": {"Ref": "Dead"}},
        functions={"consumer": notes.source},
    )
    sqs = seamed_emulator.aws("sqs")
    sqs.send_message(QueueUrl=outputs["Jobs"], MessageBody="good")
    sqs.send_message(QueueUrl=outputs["Jobs"], MessageBody="bad")

    dead = wait_until(
        lambda: sqs.receive_message(QueueUrl=outputs["Dead"]).get("Messages"),
        timeout_s=30,
        what="the dead letter",
    )

    assert [message["Body"] for message in dead] == ["bad"]
    seen = [(note["at"], record) for note in notes.read() for record in note["event"]["Records"]]
    assert [record["body"] for _, record in seen].count("good") == 1
    _, (again_at, again) = ((at, record) for at, record in seen if record["body"] == "bad")
    handed_out_at = int(again["attributes"]["ApproximateFirstReceiveTimestamp"]) / 1000
    assert again_at - handed_out_at >= 1.9, "it was invisible for its two seconds"


def test_a_task_is_retried_with_backoff_and_then_caught(
    seamed_emulator: EmulatorProcess, tmp_path: Path
) -> None:
    notes = Notes(tmp_path / "notes")
    retry = {"ErrorEquals": ["ConnectionError"], "MaxAttempts": 2, "IntervalSeconds": 1, "BackoffRate": 2}
    caught = {"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}
    task = _invoke("flaky", {"fail": True}) | {"Retry": [retry], "Catch": [caught], "End": True}
    definition = {"StartAt": "Call", "States": {"Call": task, "Caught": {"Type": "Succeed"}}}
    outputs = seamed_emulator.deploy(
        "Retry",
        resources={"Flaky": function("flaky"), "Machine": machine(definition)},
        outputs={"Machine": {"Ref": "Machine"}},
        functions={"flaky": notes.source},
    )

    ended = run(seamed_emulator, outputs["Machine"], {})

    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"])["Error"] == "ConnectionError"
    times = [note["at"] for note in notes.read()]
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(waits) == 2
    assert waits[0] >= 0.95
    assert waits[1] >= 1.95


def test_maps_run_inline_and_children_return_their_output(
    seamed_emulator: EmulatorProcess, tmp_path: Path
) -> None:
    notes = Notes(tmp_path / "notes")
    each = {
        "StartAt": "One",
        "States": {"One": _invoke("item", {"n": "{% $states.input %}"}) | {"End": True}},
    }
    child = {
        "StartAt": "Map",
        "States": {
            "Map": {
                "Type": "Map",
                "Items": "{% $states.input.items %}",
                "MaxConcurrency": 2,
                "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **each},
                "Output": "{% {'count': $count($states.result)} %}",
                "End": True,
            }
        },
    }
    outputs = seamed_emulator.deploy(
        "Maps",
        resources={
            "Item": function("item"),
            "Child": machine(child),
        }
        | _substituted("Parent", _parent_of("${Child}"), Child={"Ref": "Child"}),
        outputs={"Parent": {"Ref": "Parent"}},
        functions={"item": notes.source},
    )

    ended = run(seamed_emulator, outputs["Parent"], {"items": [1, 2, 3]})

    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    assert json.loads(ended["output"])["Output"] == {"count": 3}
    assert sorted(note["event"]["n"] for note in notes.read()) == [1, 2, 3]


def test_a_failed_child_fails_its_parent_with_the_childs_description(
    seamed_emulator: EmulatorProcess,
) -> None:
    child = {
        "StartAt": "No",
        "States": {"No": {"Type": "Fail", "Error": "UnreadableMediaError", "Cause": "why"}},
    }
    outputs = seamed_emulator.deploy(
        "Failing",
        resources={"Child": machine(child)}
        | _substituted("Parent", _parent_of("${Child}"), Child={"Ref": "Child"}),
        outputs={"Parent": {"Ref": "Parent"}},
    )

    ended = run(seamed_emulator, outputs["Parent"], {"items": []})

    assert ended["error"] == "States.TaskFailed"
    cause = json.loads(ended["cause"])
    assert (cause["Status"], cause["Error"], cause["Cause"]) == ("FAILED", "UnreadableMediaError", "why")


def test_a_distributed_map_is_refused_instead_of_silently_doing_nothing(
    seamed_emulator: EmulatorProcess,
) -> None:
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Pass",
        "States": {"Pass": {"Type": "Pass", "End": True}},
    }
    state = {"Type": "Map", "Items": "{% [1, 2] %}", "ItemProcessor": processor, "End": True}
    outputs = seamed_emulator.deploy(
        "Distributed",
        resources={"Machine": machine({"StartAt": "Map", "States": {"Map": state}})},
        outputs={"Machine": {"Ref": "Machine"}},
    )

    ended = run(seamed_emulator, outputs["Machine"], {})

    assert ended["status"] == "FAILED"
    assert "no Distributed Map" in ended["cause"]


def test_an_execution_name_is_taken_once(seamed_emulator: EmulatorProcess) -> None:
    outputs = seamed_emulator.deploy(
        "Named",
        resources={"Machine": machine({"StartAt": "Wait", "States": {"Wait": {"Type": "Succeed"}}})},
        outputs={"Machine": {"Ref": "Machine"}},
    )
    client = seamed_emulator.aws("stepfunctions")
    client.start_execution(stateMachineArn=outputs["Machine"], name="once", input="{}")

    with pytest.raises(client.exceptions.ExecutionAlreadyExists):
        client.start_execution(stateMachineArn=outputs["Machine"], name="once", input='{"other": 1}')


def test_an_uploaded_object_reaches_the_function_behind_the_queue(
    seamed_emulator: EmulatorProcess, tmp_path: Path
) -> None:
    notes = Notes(tmp_path / "notes")
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"object": {"key": [{"prefix": "uploads/"}]}},
    }
    events = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    outputs = seamed_emulator.deploy(
        "Upload",
        resources={
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "Properties": {
                    "NotificationConfiguration": events,
                    "VersioningConfiguration": {"Status": "Enabled"},
                },
            },
            "Uploads": {"Type": "AWS::SQS::Queue"},
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventPattern": pattern,
                    "Targets": [{"Id": "queue", "Arn": {"Fn::GetAtt": ["Uploads", "Arn"]}}],
                },
            },
            "Start": function("start"),
            "Mapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "EventSourceArn": {"Fn::GetAtt": ["Uploads", "Arn"]},
                    "FunctionName": {"Ref": "Start"},
                },
            },
        },
        outputs={"Bucket": {"Ref": "Bucket"}},
        functions={"start": notes.source},
    )
    s3 = seamed_emulator.aws("s3")
    s3.put_object(Bucket=outputs["Bucket"], Key="sheets/ignored", Body=b"x")
    version = s3.put_object(Bucket=outputs["Bucket"], Key="uploads/w/a/source", Body=b"x")["VersionId"]

    noted = wait_until(notes.read, timeout_s=15, what="the event")

    (record,) = noted[0]["event"]["Records"]
    detail = json.loads(record["body"])["detail"]
    assert detail["object"]["key"] == "uploads/w/a/source"
    assert detail["object"]["version-id"] == version


def test_ranges_of_a_named_version_are_what_was_asked_for(seamed_emulator: EmulatorProcess) -> None:
    s3 = seamed_emulator.aws("s3")
    s3.create_bucket(Bucket="ranged")
    s3.put_bucket_versioning(Bucket="ranged", VersioningConfiguration={"Status": "Enabled"})
    place = {"Bucket": "ranged", "Key": "video"}
    old, new = (s3.put_object(**place, Body=body)["VersionId"] for body in (b"0123456789", b"abcdefghij"))

    def read(**options: str) -> tuple[bytes, str]:
        answer = s3.get_object(**place, **options)
        return answer["Body"].read(), answer["ContentRange"]

    assert read(VersionId=old, Range="bytes=2-4") == (b"234", "bytes 2-4/10")
    assert read(VersionId=new, Range="bytes=2-4") == (b"cde", "bytes 2-4/10")
    assert read(VersionId=old, Range="bytes=-3") == (b"789", "bytes 7-9/10")
    assert read(Range="bytes=8-") == (b"ij", "bytes 8-9/10")
    with pytest.raises(ClientError, match="InvalidRange"):
        read(VersionId=old, Range="bytes=10-")


def test_signed_addresses_hold_for_what_was_signed_and_for_so_long(seamed_emulator: EmulatorProcess) -> None:
    s3 = seamed_emulator.aws("s3")
    s3.create_bucket(Bucket="signed")

    def sign(**options: Any) -> str:
        place = {"Bucket": "signed", "Key": "uploads/a"}
        return str(s3.generate_presigned_url("put_object", Params=place, **options))

    good = sign(ExpiresIn=60)
    assert httpx.put(good, content=b"x").status_code == httpx.codes.OK
    for altered in (
        good.replace("uploads/a", "uploads/b"),
        good.replace("X-Amz-Expires=60", "X-Amz-Expires=61"),
    ):
        assert httpx.put(altered, content=b"x").status_code == httpx.codes.FORBIDDEN
    brief = sign(ExpiresIn=1)
    wait_until(
        lambda: httpx.put(brief, content=b"x").status_code == httpx.codes.FORBIDDEN,
        timeout_s=10,
        what="the end of the address",
    )


def test_a_range_costs_what_it_is_long(seamed_emulator: EmulatorProcess) -> None:
    s3 = seamed_emulator.aws("s3")
    s3.create_bucket(Bucket="long")
    s3.put_object(Bucket="long", Key="video", Body=bytes(200 * 2**20))
    assert seamed_emulator.service.pid is not None
    process = psutil.Process(seamed_emulator.service.pid)
    before = process.memory_info().rss

    for start in range(0, 200 * 2**20, 10 * 2**20):
        body = s3.get_object(Bucket="long", Key="video", Range=f"bytes={start}-{start + 999}")["Body"].read()
        assert len(body) == 1000

    assert process.memory_info().rss - before < 50 * 2**20


def test_listed_types_are_recorded_with_their_names(seamed_emulator: EmulatorProcess) -> None:
    outputs = seamed_emulator.deploy(
        "Recorded",
        resources={
            "Model": {"Type": "AWS::SageMaker::Model", "Properties": {"ExecutionRoleArn": "arn"}},
            "Endpoint": {"Type": "AWS::SageMaker::Endpoint", "Properties": {"EndpointConfigName": "c"}},
            "Proxy": {"Type": "AWS::RDS::DBProxy", "Properties": {"DBProxyName": "pool"}},
        },
        outputs={
            "Model": {"Fn::GetAtt": ["Model", "ModelName"]},
            "Endpoint": {"Fn::GetAtt": ["Endpoint", "EndpointName"]},
            "Arn": {"Ref": "Endpoint"},
            "Proxy": {"Fn::GetAtt": ["Proxy", "Endpoint"]},
        },
    )

    assert outputs["Model"].startswith("Recorded-Model")
    assert outputs["Arn"].endswith(f":endpoint/{outputs['Endpoint']}")
    assert outputs["Proxy"].startswith("pool.proxy.")


def test_a_type_that_is_not_listed_is_refused_by_name(seamed_emulator: EmulatorProcess) -> None:
    assert "AWS::Rekognition::Project" not in RECORD_ONLY

    with pytest.raises(DeployError, match="AWS::Rekognition::Project"):
        seamed_emulator.deploy("Unknown", resources={"Project": {"Type": "AWS::Rekognition::Project"}})


def test_a_custom_resource_that_never_answers_meets_the_deadline(seamed_emulator: EmulatorProcess) -> None:
    started = time.monotonic()

    with pytest.raises(DeployError, match="still CREATE_IN_PROGRESS after 3 s"):
        seamed_emulator.deploy(
            "Silent",
            resources={
                "Silent": function("silent"),
                "Custom": {
                    "Type": "Custom::Silent",
                    "Properties": {"ServiceToken": {"Fn::GetAtt": ["Silent", "Arn"]}, "ServiceTimeout": 20},
                },
            },
            functions={"silent": "def handler(event, context):\n    return None\n"},
            deadline_s=3,
        )

    assert time.monotonic() - started < 15


def test_the_template_may_be_deployed_again(seamed_emulator: EmulatorProcess) -> None:
    resources = {"Queue": {"Type": "AWS::SQS::Queue"}}
    first = seamed_emulator.deploy("Again", resources=resources, outputs={"Url": {"Ref": "Queue"}})
    again = seamed_emulator.deploy("Again", resources=resources, outputs={"Url": {"Ref": "Queue"}})
    more = seamed_emulator.deploy(
        "Again",
        resources=resources | {"Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "bus"}}},
    )

    assert first == again
    assert more == {}


def test_everything_listens_on_this_machine_only(seamed_emulator: EmulatorProcess) -> None:
    assert seamed_emulator.service.pid is not None
    process = psutil.Process(seamed_emulator.service.pid)
    listening = [at.laddr for at in process.net_connections(kind="inet") if at.status == psutil.CONN_LISTEN]

    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert seamed_emulator.port in {address.port for address in listening}
    assert 8883 not in {address.port for address in listening}


def _invoke(name: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": name, "Payload": payload},
        "Output": "{% $states.result.Payload %}",
    }


def _parent_of(child: str) -> dict[str, Any]:
    started = {"StateMachineArn": child, "Input": "{% $states.input %}"}
    task = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "Arguments": started}
    return {"StartAt": "Child", "States": {"Child": task | {"End": True}}}


def _substituted(name: str, definition: Mapping[str, Any], **values: Any) -> dict[str, Any]:
    """The resource of a machine whose definition names other resources."""
    resource = machine(definition)
    text = resource["Properties"].pop("DefinitionString")
    resource["Properties"]["DefinitionString"] = {"Fn::Sub": [text, values]}
    return {name: resource}
