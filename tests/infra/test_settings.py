"""Settings of a stage that neither dev nor prod uses out of the box."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from infra_cdk.stages import DEV, GoogleSignIn

pytestmark = pytest.mark.infra

GOOGLE = GoogleSignIn(
    client_id="client.apps.example.com",
    secret_name="sightline/google",
    domain_prefix="sightline-test",
    callback_urls=("https://console.example.com/signed-in",),
)


MODEL = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
WRITERS = ("summarise", "answer_question")
PARTNER = "aws.partner/pagerduty.com/ours"
DSN = "https://0193a1b2@o1.ingest.example.com/1"
KEY = "arn:aws:kms:eu-central-1:210987654321:key/0193a1b2-0000-7000-8000-000000000002"


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """A development stage with Google sign-in, an alarm address, Sentry, a writing model, others' things."""
    return synthesized(
        tmp_path_factory.mktemp("assembly"),
        google=GOOGLE,
        alarm_email="ops@example.com",
        sentry_dsn=DSN,
        writer=f"bedrock/{MODEL}",
        import_buckets=("fleet-footage/2025/",),
        import_keys=(KEY,),
        event_origins=("own", "210987654321@0193a1b2-0000-7000-8000-000000000001", PARTNER),
    )


def synthesized(out: Path, **more: Any) -> list[dict[str, Any]]:
    """The resources of a development stage that differs in this."""
    from aws_cdk import App

    from infra_cdk.app import FLAGS, build
    from infra_cdk.nested import whole

    stage = dataclasses.replace(DEV, **more)
    app = App(outdir=str(out), context=FLAGS, analytics_reporting=False)
    build(app=app, stages=[stage], bundle=False)
    app.synth()
    template = whole(out / "Sightline-dev.template.json")
    return list(template["Resources"].values())


def properties(resources: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The one resource of a type."""
    (found,) = [r["Properties"] for r in resources if r["Type"] == kind]
    return dict(found)


def test_google_is_a_second_way_in(resources: list[dict[str, Any]]) -> None:
    provider = properties(resources, "AWS::Cognito::UserPoolIdentityProvider")
    assert provider["ProviderType"] == "Google"
    assert "resolve:secretsmanager:sightline/google" in json.dumps(provider["ProviderDetails"])
    client = properties(resources, "AWS::Cognito::UserPoolClient")
    assert client["SupportedIdentityProviders"] == ["COGNITO", "Google"]
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["CallbackURLs"] == list(GOOGLE.callback_urls)
    assert properties(resources, "AWS::Cognito::UserPoolDomain")["Domain"] == GOOGLE.domain_prefix


def statements(resources: list[dict[str, Any]], prefix: str) -> list[dict[str, Any]]:
    """What any role is granted of one service."""
    found = [r["Properties"] for r in resources if r["Type"] == "AWS::IAM::Policy"]
    all_of_them = [one for policy in found for one in policy["PolicyDocument"]["Statement"]]
    return [one for one in all_of_them if prefix in json.dumps(one["Action"])]


def variables(resources: list[dict[str, Any]], function: str) -> dict[str, Any]:
    """The environment of one function."""
    found = [r["Properties"] for r in resources if r["Type"] == "AWS::Lambda::Function"]
    all_of_them: list[dict[str, Any]] = [one["Environment"]["Variables"] for one in found]
    (mine,) = [one for one in all_of_them if one["POWERTOOLS_SERVICE_NAME"] == function]
    return mine


def test_one_model_of_bedrock_may_be_asked_and_no_other(resources: list[dict[str, Any]]) -> None:
    granted = statements(resources, "bedrock:")
    assert granted
    for statement in granted:
        assert statement["Action"] == "bedrock:InvokeModel"
        profile, model = map(json.dumps, statement["Resource"])
        assert f":inference-profile/{MODEL}" in profile
        assert f"::foundation-model/{MODEL.removeprefix('eu.')}" in model
    assert len(granted) == len(WRITERS)
    for function in WRITERS:
        assert variables(resources, function)["SIGHTLINE_WRITER"] == f"bedrock/{MODEL}"


def test_events_of_named_origins_reach_the_alerts_and_no_others(resources: list[dict[str, Any]]) -> None:
    rules = [r["Properties"] for r in resources if r["Type"] == "AWS::Events::Rule"]
    (account,) = [one for one in rules if "aws.health" in json.dumps(one.get("EventPattern"))]
    accounts = [{"Ref": "AWS::AccountId"}, "210987654321"]
    assert account["EventPattern"]["account"] == accounts
    heard = [one for one in rules if one.get("EventPattern", {}).get("account") == accounts]
    sources = {source for one in heard for source in one["EventPattern"]["source"]}
    assert {"aws.guardduty", "aws.securityhub", "aws.rds", "aws.ecs", "aws.autoscaling"} <= sources
    assert {json.dumps(one["Targets"][0]["Arn"]) for one in heard} == {
        json.dumps(account["Targets"][0]["Arn"])
    }
    (partner,) = [one for one in rules if one.get("EventBusName") == PARTNER]
    assert partner["EventPattern"] == {"source": [PARTNER]}
    assert account["Targets"][0]["Arn"] == partner["Targets"][0]["Arn"]
    policy = properties(resources, "AWS::Events::EventBusPolicy")
    assert (policy["Action"], policy["Principal"]) == ("events:PutEvents", "210987654321")
    said = json.dumps(variables(resources, "incidents_api")["SIGHTLINE_EVENT_ORIGINS"])
    assert "210987654321@0193a1b2-0000-7000-8000-000000000001" in said
    assert PARTNER in said


def test_a_model_by_key_reads_its_own_secret_alone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="writer_secret_name"):
        synthesized(tmp_path / "without", writer="anthropic/claude-sonnet-4-5")
    found = synthesized(
        tmp_path / "with", writer="anthropic/claude-sonnet-4-5", writer_secret_name="sightline/writer"
    )
    granted = [json.dumps(one["Resource"]) for one in statements(found, "secretsmanager:GetSecretValue")]
    assert len([one for one in granted if ":secret:sightline/writer-??????" in one]) == len(WRITERS)
    for function in WRITERS:
        secret = json.dumps(variables(found, function)["SIGHTLINE_WRITER_SECRET_ARN"])
        assert ":secret:sightline/writer" in secret
    assert statements(found, "bedrock:") == []


def test_alarms_are_mailed(resources: list[dict[str, Any]]) -> None:
    subscription = properties(resources, "AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")


def test_every_function_reports_to_sentry(resources: list[dict[str, Any]]) -> None:
    functions = [one for one in resources if one["Type"] == "AWS::Lambda::Function"]
    told = [one["Properties"]["Environment"]["Variables"].get("SIGHTLINE_SENTRY_DSN") for one in functions]
    assert set(told) == {DSN}


def test_a_bucket_of_others_is_read_and_decrypted_through_s3_alone(resources: list[dict[str, Any]]) -> None:
    listing = [one for one in statements(resources, "s3:ListBucket") if "fleet-footage" in json.dumps(one)]
    assert len(listing) == 2  # list_import and ingest_runbooks
    reading = [one for one in statements(resources, "s3:GetObject") if "fleet-footage/*" in json.dumps(one)]
    assert [one["Action"] for one in reading] == ["s3:GetObject"] * 2
    decrypting = [one for one in statements(resources, "kms:Decrypt") if KEY in json.dumps(one["Resource"])]
    assert len(decrypting) == 2  # fetch_objects and ingest_runbooks
    for statement in decrypting:
        assert (statement["Action"], statement["Resource"]) == ("kms:Decrypt", KEY)
        assert statement["Condition"] == {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}}
