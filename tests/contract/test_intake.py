"""The webhook function on the emulator: sources from SSM, deliveries to SQS and S3, without boto3."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import boto3
import pytest

from sightline.contracts.intake import Source
from sightline.errors import DeliveryNotKeptError
from sightline.providers.intake import SqsOutbox, SsmSources
from sightline.providers.signed_calls import SignedCalls
from sightline.providers.ssm import SsmSourceKeys
from tests.media_cloud import MediaCloud, media_resources  # noqa: F401 - a fixture

pytestmark = pytest.mark.contract

PREFIX = "/sightline/tests/sources"
Calls = Callable[[str], SignedCalls]


@pytest.fixture
def cloud(media_resources: MediaCloud, emulator: str, monkeypatch: pytest.MonkeyPatch) -> MediaCloud:  # noqa: F811
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    return media_resources


@pytest.fixture
def calls(cloud: MediaCloud) -> Iterator[Calls]:
    """Calls to a service, their connections closed at the end."""
    made: list[SignedCalls] = []

    def to(service: str) -> SignedCalls:
        made.append(SignedCalls(service))
        return made[-1]

    yield to
    for one in made:
        one.close()


def source_of(platform: str = "datadog") -> Source:
    return Source(str(uuid4()), platform, "shared_secret", secrets=("a secret",), topic_arns=("arn:x",))


def test_a_source_is_found_as_it_was_kept_and_forgotten(cloud: MediaCloud, calls: Calls) -> None:
    keys, source_id, source = SsmSourceKeys(PREFIX), uuid4().hex, source_of()
    assert keys.find(source_id) is None
    keys.keep(source_id, source)
    assert keys.find(source_id) == source
    assert SsmSources(PREFIX, calls("ssm")).find(source_id) == source
    keys.forget(source_id)
    keys.forget(source_id)
    assert SsmSources(PREFIX, calls("ssm")).find(source_id) is None


def test_a_source_is_remembered_for_a_minute_and_so_is_its_absence(cloud: MediaCloud, calls: Calls) -> None:
    keys, clock = SsmSourceKeys(PREFIX), [1000.0]
    sources = SsmSources(PREFIX, calls("ssm"), now_s=lambda: clock[0])
    there, absent = uuid4().hex, uuid4().hex
    keys.keep(there, source_of())
    assert sources.find(there)
    assert sources.find(absent) is None
    keys.forget(there)
    keys.keep(absent, source_of())
    clock[0] += 59
    assert sources.find(there)
    assert sources.find(absent) is None
    clock[0] += 2
    assert sources.find(there) is None
    assert sources.find(absent)


def test_messages_and_long_bodies_arrive(cloud: MediaCloud, calls: Calls) -> None:
    outbox = SqsOutbox(cloud.purge_queue, cloud.bucket, calls("sqs"), lambda: calls("s3"))
    asset_id = uuid4()
    outbox.send(json.dumps({"asset_id": str(asset_id), "body": "ü\n"}))
    assert [message["body"] for message in cloud.purges(asset_id)] == ["ü\n"]
    key = f"deliveries/{uuid4()}/{uuid4()}"
    outbox.keep(key, b"\x00\xff" * 200_000)
    kept = boto3.client("s3").get_object(Bucket=cloud.bucket, Key=key)["Body"].read()
    assert kept == b"\x00\xff" * 200_000


def test_what_aws_refuses_or_cannot_be_reached_is_not_kept(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = calls("s3")
    nowhere = SqsOutbox("http://127.0.0.1/000000000000/none", "no-such-bucket", calls("sqs"), lambda: s3)
    with pytest.raises(DeliveryNotKeptError):
        nowhere.send("{}")
    with pytest.raises(DeliveryNotKeptError):
        nowhere.keep("deliveries/a/b", b"x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(DeliveryNotKeptError):
        SsmSources(PREFIX, calls("ssm")).find("a")


def test_nothing_heavy_is_on_the_path() -> None:
    root = Path(__file__).resolve().parents[2]
    heavy = "{'boto3', 'botocore', 'aws_lambda_powertools', 'fastapi', 'psycopg', 'pydantic'}"
    code = f"import functions.webhooks.handler, sys; print({heavy} & set(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.strip() == "set()"
