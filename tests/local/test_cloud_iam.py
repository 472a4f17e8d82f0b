"""With IAM evaluated, each function can do its work with its own role, and nothing it was not granted."""

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_cloud.emulator_config import REGION
from tests.local.user import User, write_video
from tests.running_cloud import RunningCloud, wait_until

pytestmark = pytest.mark.local

SECONDS = 90


@pytest.fixture(scope="module")
def guarded(models_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A cloud of its own that evaluates every policy, and serves TLS because the buckets insist on it."""
    home = tmp_path_factory.mktemp("guarded") / "home"
    home.mkdir()
    (models_home / "models").mkdir(exist_ok=True)
    (home / "models").symlink_to(models_home / "models")
    cloud = RunningCloud(home, options=("--iam",))
    cloud.start()
    yield cloud
    cloud.stop()


@pytest.fixture(scope="module")
def user(guarded: RunningCloud) -> User:
    return User(guarded)


@pytest.fixture(scope="module")
def asset_id(guarded: RunningCloud, user: User, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A video that went the whole way: every function of the pipeline did its work."""
    video = write_video(tmp_path_factory.mktemp("footage") / "drive.mp4", seconds=SECONDS)
    uploaded = user.upload(video)
    assert user.wait_ready(uploaded)["progress"]["done"] == SECONDS
    return uploaded


def test_a_video_goes_in_and_a_question_is_answered(guarded: RunningCloud, user: User, asset_id: str) -> None:
    answer = user.call("POST", "/v1/search", json={"text": "a road at night"})

    assert answer.status_code == httpx.codes.OK, answer.text
    moments = answer.json()["moments"]
    assert moments[0]["asset_id"] == asset_id
    with guarded.outside() as http:
        sheet = http.get(moments[0]["sheet"]["url"])
    assert sheet.headers["content-type"] == "image/jpeg"


def test_the_scheduled_and_the_deleting_functions_do_their_work_with_their_own_roles(
    guarded: RunningCloud, user: User, asset_id: str
) -> None:
    for name in ("index_vectors", "sweep_assets"):
        function = functions(guarded)[name]
        answer = guarded.aws("lambda").invoke(FunctionName=function, Payload=b'{"source": "aws.events"}')
        assert "FunctionError" not in answer, (name, answer["Payload"].read())

    deleted = user.call("DELETE", f"/v1/assets/{asset_id}")
    assert deleted.status_code == httpx.codes.ACCEPTED
    prefix = f"sheets/{user.workspace_id}/{asset_id}/"
    wait_until(lambda: not objects(guarded, prefix=prefix), timeout_s=60, what="the purge")

    denied = [name for name in functions(guarded) if "AccessDenied" in guarded.function_log(name)]
    assert denied == []


def ended(user: User, path: str, *, status: str) -> Any:
    """The job at a path once it has ended, in this state and no other."""

    def over() -> Any:
        found = user.call("GET", path).raise_for_status().json()
        return found if found["status"] in (status, "failed") else None

    found = wait_until(over, timeout_s=120, what=f"the end of {path}")
    assert found["status"] == status, found["failure"]
    return found


def test_imports_and_exports_are_done_with_roles_of_their_own(
    guarded: RunningCloud, user: User, tmp_path: Path
) -> None:
    media, drop = guarded.outputs["MediaBucketName"], guarded.outputs["DropBucketName"]
    dropped = f"{user.workspace_id}/2025/fleet.mp4"
    video = write_video(tmp_path / "fleet.mp4", seconds=8)
    guarded.aws("s3").put_object(Bucket=drop, Key=dropped, Body=video.read_bytes())

    made = user.call("POST", "/v1/imports", json={"prefix": "2025/"}).raise_for_status().json()
    ended(user, f"/v1/imports/{made['id']}", status="done")
    (item,) = user.call("GET", f"/v1/imports/{made['id']}/objects").json()["items"]
    assert item["status"] == "registered", item
    user.wait_ready(item["asset_id"])

    whole = {"asset_ids": [item["asset_id"]], "clips": {}}
    asked = user.call("POST", "/v1/exports", json=whole).raise_for_status().json()
    ready = ended(user, f"/v1/exports/{asked['id']}", status="ready")
    with guarded.outside() as http:
        archive = http.get(ready["download"]["url"]).raise_for_status().content
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        names = opened.namelist()
    assert len([name for name in names if name.startswith("data/")]) == 8
    assert len([name for name in names if name.startswith("clips/")]) == 1

    writer, fetcher, lister = (
        client_as(guarded, name, "s3") for name in ("write_export", "fetch_objects", "list_import")
    )
    refused(lambda: writer.put_object(Bucket=media, Key="uploads/x", Body=b"x"))
    refused(lambda: writer.get_object(Bucket=drop, Key=dropped))
    refused(lambda: fetcher.put_object(Bucket=media, Key="exports/x", Body=b"x"))
    refused(lambda: fetcher.put_object(Bucket=drop, Key=dropped, Body=b"x"))
    refused(lambda: lister.get_object(Bucket=drop, Key=dropped))

    key = f"exports/{user.workspace_id}/{asked['id']}"
    assert objects(guarded, prefix=key)
    deleted = user.call("DELETE", f"/v1/exports/{asked['id']}")
    assert deleted.is_success, deleted.text
    wait_until(lambda: not objects(guarded, prefix=key), timeout_s=60, what="the archive's end")
    sweep = functions(guarded)["sweep_exports"]
    answer = guarded.aws("lambda").invoke(FunctionName=sweep, Payload=b'{"source": "aws.events"}')
    assert "FunctionError" not in answer, answer["Payload"].read()
    denied = [name for name in functions(guarded) if "AccessDenied" in guarded.function_log(name)]
    assert denied == []


@pytest.mark.parametrize(
    "function", ["system_api", "media_api", "accounts_api", "scenarios_api", "authorizer"]
)
def test_only_the_schemas_owner_reads_its_secret(guarded: RunningCloud, user: User, function: str) -> None:
    user.call("GET", "/v1/assets")
    user.call("POST", "/v1/search", json={"text": "anything"})
    user.call("GET", "/ready")
    owner_secret = variables(guarded, "migrate")["SIGHTLINE_OWNER_DATABASE_SECRET_ARN"]

    secrets = client_as(guarded, function, "secretsmanager")

    refused(lambda: secrets.get_secret_value(SecretId=owner_secret))


def test_an_api_that_only_reads_may_not_write(guarded: RunningCloud, user: User) -> None:
    user.call("POST", "/v1/search", json={"text": "anything"})
    bucket, queue = guarded.outputs["MediaBucketName"], guarded.outputs["PurgeQueueUrl"]

    s3, sqs = (client_as(guarded, "scenarios_api", service) for service in ("s3", "sqs"))

    refused(lambda: s3.put_object(Bucket=bucket, Key="uploads/x", Body=b"x"))
    refused(lambda: s3.list_objects_v2(Bucket=bucket))
    refused(lambda: sqs.send_message(QueueUrl=queue, MessageBody="{}"))


def test_a_bucket_that_insists_on_tls_refuses_nothing_that_uses_it(guarded: RunningCloud) -> None:
    assert guarded.facts["emulator_url"].startswith("https://")
    assert guarded.aws("s3").list_objects_v2(Bucket=guarded.outputs["MediaBucketName"])


def functions(cloud: RunningCloud) -> dict[str, str]:
    """Deployed names by the name of the source folder."""
    found = cloud.aws("lambda").list_functions(MaxItems=50)["Functions"]
    return {
        function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]: function["FunctionName"]
        for function in found
    }


def variables(cloud: RunningCloud, function: str) -> dict[str, str]:
    """The environment the template gives a function."""
    name = functions(cloud)[function]
    found = cloud.aws("lambda").get_function_configuration(FunctionName=name)
    environment: dict[str, str] = found["Environment"]["Variables"]
    return environment


def client_as(cloud: RunningCloud, function: str, service: str) -> Any:
    """An AWS client with the very credentials a worker of the function holds."""
    environment = psutil.Process(cloud.workers()[function][0]).environ()
    return boto3.client(
        service,
        endpoint_url=cloud.facts["emulator_url"],
        region_name=REGION,
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment["AWS_SESSION_TOKEN"],
        verify=environment["AWS_CA_BUNDLE"],
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


def refused(call: Callable[[], Any]) -> None:
    with pytest.raises(ClientError) as caught:
        call()
    assert "AccessDenied" in caught.value.response["Error"]["Code"]


def objects(cloud: RunningCloud, *, prefix: str) -> list[dict[str, Any]]:
    """Every version of every object under a prefix."""
    bucket = cloud.outputs["MediaBucketName"]
    listed = cloud.aws("s3").list_object_versions(Bucket=bucket, Prefix=prefix)
    return [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]
