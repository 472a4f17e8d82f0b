"""A release through the real SDK: registry and endpoint on a control plane of our own, the smoke test through
InvokeEndpoint to a real container process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sagemaker.core", reason="needs the deploy environment: make test-deploy")

from gpu_endpoint.deploy import main
from gpu_endpoint.models.config import read_config
from gpu_endpoint.settings import EndpointSettings
from tests.endpoint_process import EndpointProcess, running_endpoint
from tests.fake_sagemaker import ARN, FakeSageMaker

pytestmark = [
    pytest.mark.deploy,
    # The SDK's own and its dependencies'.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

MODEL = EndpointSettings().image_model
IMAGE = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/sightline-endpoint:abc"
FIRST = ["release", "--endpoint", "stage", "--group", "sightline-dev", "--image", IMAGE, "--model", MODEL]
FIRST += ["--role", "arn:aws:iam::000000000000:role/endpoint"]
QUICK = ["--poll-s", "0", "--timeout-s", "20"]


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EndpointProcess]:
    with running_endpoint(tmp_path_factory.mktemp("home")) as endpoint:
        yield endpoint


@pytest.fixture
def sagemaker(container: EndpointProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSageMaker]:
    fake = FakeSageMaker()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", fake.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", container.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI-secret")
    yield fake
    fake.close()


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit status and the line that was printed; nothing secret is on either stream."""
    capsys.readouterr()
    status = main([*QUICK, *arguments])
    out, err = capsys.readouterr()
    assert "wJalrXUtnFEMI" not in out + err
    assert "AKIDEXAMPLE" not in out + err
    return status, json.loads(out.splitlines()[-1])


def approvals(sagemaker: FakeSageMaker) -> list[str]:
    return [kept["ModelApprovalStatus"] for kept in sagemaker.packages.values()]


def test_a_first_release_makes_everything_and_is_approved(
    sagemaker: FakeSageMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = run(capsys, *FIRST, "--memory-mb", "2048", "--env", "SIGHTLINE_STAGE=dev")
    assert (status, said["status"], said["model"]) == (0, "in service", MODEL)
    assert said["revision"].startswith(read_config(MODEL).revision())
    assert said["package"] == f"{ARN}:model-package/sightline-dev/1"
    (package,) = sagemaker.packages.values()
    (packed,) = package["InferenceSpecification"]["Containers"]
    assert packed["Image"] == IMAGE
    assert packed["Environment"] == {"SIGHTLINE_IMAGE_MODEL": MODEL, "SIGHTLINE_STAGE": "dev"}
    (variant,) = sagemaker.configurations["sightline-dev-v1"]["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 8}
    assert approvals(sagemaker) == ["Approved"]


def test_the_next_release_keeps_the_stages_capacity_and_takes_new_weights(
    sagemaker: FakeSageMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, *FIRST, "--instance-type", "ml.g5.xlarge", "--instances", "2")[0] == 0
    status, said = run(capsys, *FIRST, "--weights", "s3://bucket/models/scenes.safetensors")
    assert (status, said["previous"], said["configuration"]) == (0, "sightline-dev-v1", "sightline-dev-v2")
    (variant,) = sagemaker.configurations["sightline-dev-v2"]["ProductionVariants"]
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.g5.xlarge", 2)
    assert variant["ModelName"] == "sightline-dev-v2"
    packed = list(sagemaker.packages.values())[1]["InferenceSpecification"]["Containers"][0]
    assert packed["Environment"]["SIGHTLINE_IMAGE_MODEL_FILE"] == "/opt/ml/model/scenes.safetensors"
    assert packed["ModelDataSource"]["S3DataSource"]["S3DataType"] == "S3Object"
    assert packed["ModelDataSource"]["S3DataSource"]["CompressionType"] == "None"


def test_an_endpoint_that_answers_as_another_model_is_brought_back(
    sagemaker: FakeSageMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, *FIRST)[0] == 0
    status, said = run(capsys, *FIRST, "--revision", "ffffffffffff")
    assert (status, said["status"]) == (1, "failed")
    assert "is back at sightline-dev-v1" in said["reason"]
    assert sagemaker.endpoints["stage"]["EndpointConfigName"] == "sightline-dev-v1"
    assert sagemaker.moves == ["sightline-dev-v1", "sightline-dev-v2", "sightline-dev-v1"]
    assert approvals(sagemaker) == ["Approved", "Rejected"]


def test_a_container_that_does_not_start_leaves_the_old_one_serving(
    sagemaker: FakeSageMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, *FIRST)[0] == 0
    sagemaker.refuses = {"sightline-dev-v2"}
    status, said = run(capsys, *FIRST)
    assert (status, approvals(sagemaker)) == (1, ["Approved", "Rejected"])
    assert "serves sightline-dev-v1 as before" in said["reason"]
    assert sagemaker.moves == ["sightline-dev-v1", "sightline-dev-v2"], "nothing to bring back"


def test_a_first_release_that_fails_says_that_there_is_nothing_to_go_back_to(
    sagemaker: FakeSageMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    sagemaker.refuses = {"sightline-dev-v1"}
    status, said = run(capsys, *FIRST)
    assert (status, approvals(sagemaker)) == (1, ["Rejected"])
    assert "nothing to go back to" in said["reason"]


def test_the_smoke_test_alone(sagemaker: FakeSageMaker, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, *FIRST)[0] == 0
    assert run(capsys, "smoke", "--endpoint", "stage", "--model", MODEL)[0] == 0
    status, said = run(capsys, "smoke", "--endpoint", "stage", "--model", "another-model")
    assert (status, said["status"]) == (1, "failed")
    status, said = run(capsys, "smoke", "--endpoint", "nowhere", "--model", MODEL)
    assert (status, said["status"]) == (1, "failed")


def test_the_containers_folder_for_weights_is_where_the_tests_think() -> None:
    from gpu_endpoint.release import Release

    folder = Release(group="g", image=IMAGE, model_id=MODEL, weights="s3://bucket/models/")
    assert "SIGHTLINE_IMAGE_MODEL_FILE" not in folder.variables
    assert folder.source["ModelDataSource"]["S3DataSource"]["S3DataType"] == "S3Prefix"
    assert Path(
        Release(group="g", image=IMAGE, model_id=MODEL, weights="s3://b/x.onnx").variables[
            "SIGHTLINE_IMAGE_MODEL_FILE"
        ]
    ) == Path("/opt/ml/model/x.onnx")
