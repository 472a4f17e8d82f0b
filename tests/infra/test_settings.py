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


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """A development stage with Google sign-in and an alarm address."""
    from aws_cdk import App

    from infra_cdk.app import FLAGS, build
    from infra_cdk.nested import whole

    out: Path = tmp_path_factory.mktemp("assembly")
    stage = dataclasses.replace(DEV, google=GOOGLE, alarm_email="ops@example.com")
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


def test_alarms_are_mailed(resources: list[dict[str, Any]]) -> None:
    subscription = properties(resources, "AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")
