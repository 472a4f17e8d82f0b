"""API Gateway in the emulator: limits, CORS, and authorizers cached by every identity source."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.emulator_process import EmulatorProcess, function

pytestmark = pytest.mark.contract

ECHO = """
import json, time

def handler(event, context):
    if event["rawPath"] == "/slow":
        time.sleep(3)
    body = {"body": event.get("body"), "authorizer": event["requestContext"].get("authorizer")}
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
"""
AUTHORIZER = """
import os

def handler(event, context):
    token, workspace = event["identitySource"]
    print("AUTHORIZED", token, workspace)
    return {"isAuthorized": token == "good", "context": {"workspace_id": workspace}}
"""
ORIGIN = "http://localhost:3000"


@pytest.fixture(scope="module")
def api(seamed_emulator: EmulatorProcess) -> Iterator[httpx.Client]:
    """One HTTP API: /open and /slow for anybody, /closed behind the authorizer."""
    seamed_emulator.deploy("Api", resources=_resources(), functions={"echo": ECHO, "authorizer": AUTHORIZER})
    with httpx.Client(base_url=seamed_emulator.api_url, timeout=20) as client:
        yield client


def test_the_api_answers_on_its_own_port(api: httpx.Client) -> None:
    answer = api.post("/open", json={"a": "ä"})

    assert answer.status_code == httpx.codes.OK
    assert json.loads(answer.json()["body"]) == {"a": "ä"}


def test_a_body_over_10_mb_is_refused(api: httpx.Client) -> None:
    answer = api.post("/open", content=b"x" * (10 * 2**20 + 1))

    assert answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
    assert answer.json() == {"message": "Request Entity Too Large"}


def test_a_body_that_lambda_does_not_take_is_refused(api: httpx.Client) -> None:
    answer = api.post("/open", content="x" * (7 * 2**20), headers={"content-type": "text/plain"})

    assert answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE


def test_an_answer_later_than_the_time_out_is_503(api: httpx.Client) -> None:
    answer = api.get("/slow")

    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert answer.json() == {"message": "Service Unavailable"}


def test_a_browser_may_ask_before_it_calls(api: httpx.Client) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    preflight = api.options("/open", headers=asked)
    foreign = api.options("/open", headers={**asked, "Origin": "http://elsewhere.example"})

    assert preflight.status_code == httpx.codes.NO_CONTENT
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "access-control-allow-origin" not in foreign.headers
    assert api.get("/open", headers={"Origin": ORIGIN}).headers["access-control-allow-origin"] == ORIGIN


def test_an_identity_source_that_is_missing_is_401_without_a_call(
    api: httpx.Client, seamed_emulator: EmulatorProcess
) -> None:
    answer = api.get("/closed", headers={"Authorization": "only-one-of-two"})

    assert answer.status_code == httpx.codes.UNAUTHORIZED
    assert "only-one-of-two" not in _authorizer_log(seamed_emulator)


def test_a_refused_caller_is_403(api: httpx.Client) -> None:
    answer = api.get("/closed", headers={"Authorization": "bad", "X-Workspace-Id": "w"})

    assert answer.status_code == httpx.codes.FORBIDDEN


def test_cached_answers_never_cross_workspaces(api: httpx.Client, seamed_emulator: EmulatorProcess) -> None:
    def workspace_seen(workspace: str) -> str:
        answer = api.get("/closed", headers={"Authorization": "good", "X-Workspace-Id": workspace})
        return str(answer.json()["authorizer"]["lambda"]["workspace_id"])

    assert [workspace_seen(name) for name in ("one", "two", "one", "one")] == ["one", "two", "one", "one"]
    assert _authorizer_log(seamed_emulator).count("AUTHORIZED good one") == 1, "it was cached"


def _authorizer_log(emulator: EmulatorProcess) -> str:
    path = emulator.folder / "logs" / "authorizer.log"
    return path.read_text() if path.exists() else ""


def _resources() -> dict[str, Any]:
    def invoked(name: str) -> dict[str, Any]:
        path = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${F.Arn}/invocations"
        return {"Fn::Sub": [path.replace("${F.Arn}", "${Arn}"), {"Arn": {"Fn::GetAtt": [name, "Arn"]}}]}

    def route(key: str, **properties: Any) -> dict[str, Any]:
        target = {"Fn::Join": ["", ["integrations/", {"Ref": "Integration"}]]}
        base = {"ApiId": {"Ref": "Api"}, "RouteKey": key, "Target": target}
        return {"Type": "AWS::ApiGatewayV2::Route", "Properties": base | properties}

    cors = {"AllowOrigins": [ORIGIN], "AllowMethods": ["GET", "POST"], "AllowHeaders": ["authorization"]}
    guarded = {"AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": "Authorizer"}}
    return {
        "Echo": function("echo"),
        "Decide": function("authorizer"),
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {"Name": "api", "ProtocolType": "HTTP", "CorsConfiguration": cors},
        },
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True},
        },
        "Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": {"Fn::GetAtt": ["Echo", "Arn"]},
                "PayloadFormatVersion": "2.0",
            },
        },
        "Authorizer": {
            "Type": "AWS::ApiGatewayV2::Authorizer",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "Name": "both",
                "AuthorizerType": "REQUEST",
                "AuthorizerUri": invoked("Decide"),
                "AuthorizerPayloadFormatVersion": "2.0",
                "EnableSimpleResponses": True,
                "AuthorizerResultTtlInSeconds": 60,
                "IdentitySource": ["$request.header.Authorization", "$request.header.X-Workspace-Id"],
            },
        },
        "Open": route("ANY /open"),
        "Slow": route("GET /slow"),
        "Closed": route("GET /closed", **guarded),
    }
