"""The models' bucket, and what a container may do there."""

import json
from typing import Any

import pytest

from local_cloud.emulator_config import ACCOUNT, REGION
from local_cloud.site import MODEL_STORE
from tests.infra.test_access import granted

pytestmark = pytest.mark.infra


def bucket(template: Any) -> tuple[str, dict[str, Any]]:
    """Logical id and properties."""
    (found,) = [
        (name, one["Properties"])
        for name, one in template.of("AWS::S3::Bucket").items()
        if "-models-" in json.dumps(one["Properties"].get("BucketName", ""))
    ]
    return found


def test_every_state_is_kept_and_reports_are_not(template: Any) -> None:
    _, properties = bucket(template)
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = properties["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"] for rule in rules if "ExpirationInDays" in rule}
    assert expiring == {"models/containers/"}


def test_a_container_reads_models_and_writes_its_reports_alone(template: Any) -> None:
    name, _ = bucket(template)
    (model,) = template.properties("AWS::SageMaker::Model")
    role = model["ExecutionRoleArn"]["Fn::GetAtt"][0]
    allowed = granted(template.statements(role), "s3:")

    def objects(*prefixes: str) -> list[Any]:
        return [
            {"Fn::Join": ["", [{"Fn::GetAtt": [name, "Arn"]}, f"/models/{prefix}*"]]} for prefix in prefixes
        ]

    assert allowed == {
        "s3:GetObject": objects(""),
        "s3:PutObject": objects("breaches/", "containers/"),
        "s3:DeleteObject": objects("containers/"),
        "s3:ListBucket": [{"Fn::GetAtt": [name, "Arn"]}],
    }
    (listing,) = [s for s in template.statements(role) if s["Action"] == "s3:ListBucket"]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["models/*"]}}


def test_the_container_is_told_where_and_the_laptop_uses_the_same_name(templates: Any) -> None:
    template = templates["dev"]
    name, properties = bucket(template)
    (model,) = template.properties("AWS::SageMaker::Model")
    told = model["PrimaryContainer"]["Environment"]["SIGHTLINE_MODEL_STORE"]
    assert told == {"Fn::Join": ["", ["s3://", {"Ref": name}, "/models"]]}
    parts = properties["BucketName"]["Fn::Join"][1]
    known = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION}
    here = "".join(part if isinstance(part, str) else known[part["Ref"]] for part in parts)
    assert f"s3://{here}/models" == MODEL_STORE


def test_a_rollback_wakes_somebody(template: Any) -> None:
    (alarm,) = [
        one
        for one in template.properties("AWS::CloudWatch::Alarm")
        if one.get("MetricName") == "ModelRollbacks"
    ]
    assert (alarm["Namespace"], alarm["Dimensions"]) == (
        "Sightline",
        [{"Name": "service", "Value": "inference"}],
    )
    assert alarm["AlarmActions"]
