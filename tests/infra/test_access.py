"""Who may do what: IAM statements, authorizers and routes."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from infra_cdk.stages import STAGES

pytestmark = pytest.mark.infra

# Actions that name no resource in IAM, with the reason that each is there.
NAMELESS = {
    "xray:PutTraceSegments": "X-Ray has no resources",
    "xray:PutTelemetryRecords": "X-Ray has no resources",
    "xray:GetSamplingRules": "X-Ray has no resources",
    "xray:GetSamplingTargets": "X-Ray has no resources",
    "ec2:CreateNetworkInterface": "the interfaces of a VPC function; denied to its own code",
    "ec2:DeleteNetworkInterface": "the interfaces of a VPC function; denied to its own code",
    "ec2:DescribeNetworkInterfaces": "the interfaces of a VPC function; denied to its own code",
    "ec2:DescribeSubnets": "the interfaces of a VPC function; denied to its own code",
    "ec2:AssignPrivateIpAddresses": "the interfaces of a VPC function; denied to its own code",
    "ec2:UnassignPrivateIpAddresses": "the interfaces of a VPC function; denied to its own code",
    "ecr:GetAuthorizationToken": "a token belongs to no repository",
    "logs:CreateLogDelivery": "log delivery of a state machine has no resource",
    "logs:GetLogDelivery": "log delivery of a state machine has no resource",
    "logs:UpdateLogDelivery": "log delivery of a state machine has no resource",
    "logs:DeleteLogDelivery": "log delivery of a state machine has no resource",
    "logs:ListLogDeliveries": "log delivery of a state machine has no resource",
    "logs:PutResourcePolicy": "log delivery of a state machine has no resource",
    "logs:DescribeResourcePolicies": "log delivery of a state machine has no resource",
    "logs:DescribeLogGroups": "log delivery of a state machine has no resource",
}
OUTSIDE = {"webhooks", "slack_interactions"}
CALLERS = {
    "answer_question",
    "ingest_runbooks",
    "embed_frames",
    "keep_dead_letters",
    "match_asset",
    "scenarios_api",
    "triage_alerts",
    "write_export",
}
SECRETS = {"migrate": {"Owner", "App"}, "index_vectors": {"Owner"}}


def listed(value: Any) -> list[Any]:
    """IAM writes one element without its list."""
    return value if isinstance(value, list) else [value]


def granted(statements: list[dict[str, Any]], prefix: str) -> dict[str, list[Any]]:
    """Action -> resources, of the allowed actions that start with a prefix."""
    found: dict[str, list[Any]] = {}
    for statement in statements:
        if statement["Effect"] == "Allow":
            for action in listed(statement["Action"]):
                if action.startswith(prefix):
                    found.setdefault(action, []).extend(listed(statement["Resource"]))
    return found


def test_no_action_is_a_pattern_and_no_resource_is_everything_without_a_reason(template: Any) -> None:
    for policy in template.properties("AWS::IAM::Policy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            actions = listed(statement["Action"])
            assert not [action for action in actions if "*" in action], policy["PolicyName"]
            if "*" in listed(statement["Resource"]):
                assert set(actions) <= set(NAMELESS), policy["PolicyName"]


def test_no_managed_policy_is_attached(template: Any) -> None:
    for role in template.properties("AWS::IAM::Role"):
        assert "ManagedPolicyArns" not in role


def test_only_the_functions_that_need_no_database_are_outside_the_network(template: Any) -> None:
    outside = {n for n, found in template.functions().items() if "VpcConfig" not in found["Properties"]}
    assert outside == OUTSIDE
    for name in outside:
        assert granted(template.statements_of(name), "ec2:") == {}
        assert granted(template.statements_of(name), "secretsmanager:") == {}


def test_secrets_of_alert_sources_are_read_at_the_door_and_written_by_the_api(template: Any) -> None:
    granted_parameters = {n: set(granted(template.statements_of(n), "ssm:")) for n in template.functions()}
    assert {name: actions for name, actions in granted_parameters.items() if actions} == {
        "webhooks": {"ssm:GetParameter"},
        "incidents_api": {"ssm:GetParameter", "ssm:PutParameter", "ssm:DeleteParameter"},
    }


def test_interfaces_are_denied_to_the_code_of_every_function_inside(template: Any) -> None:
    for name in set(template.functions()) - OUTSIDE:
        denied = [s for s in template.statements_of(name) if s["Effect"] == "Deny"]
        assert [s for s in denied if "lambda:SourceFunctionArn" in json.dumps(s["Condition"])], name


def test_objects_are_granted_by_prefix(template: Any) -> None:
    expected = {
        "media_api": {
            "s3:PutObject": {"uploads"},
            "s3:GetObject": {"uploads"},
            "s3:AbortMultipartUpload": {"uploads"},
            "s3:ListMultipartUploadParts": {"uploads"},
        },
        "probe_media": {"s3:GetObject": {"uploads"}, "s3:GetObjectVersion": {"uploads"}},
        "extract_frames": {
            "s3:GetObject": {"uploads"},
            "s3:GetObjectVersion": {"uploads"},
            "s3:PutObject": {"sheets"},
            "s3:DeleteObject": {"sheets"},
            "s3:DeleteObjectVersion": {"sheets"},
        },
        "embed_frames": {"s3:GetObject": {"sheets"}},
        "scenarios_api": {
            "s3:GetObject": {"sheets", "exports"},
            "s3:AbortMultipartUpload": {"exports"},
            "s3:DeleteObject": {"exports"},
            "s3:DeleteObjectVersion": {"exports"},
        },
        "write_export": {
            "s3:GetObject": {"uploads", "exports"},
            "s3:GetObjectVersion": {"uploads"},
            "s3:PutObject": {"exports"},
            "s3:AbortMultipartUpload": {"exports"},
            "s3:DeleteObject": {"exports"},
            "s3:DeleteObjectVersion": {"exports"},
        },
        "fail_export": {"s3:AbortMultipartUpload": {"exports"}},
        "sweep_exports": {
            "s3:AbortMultipartUpload": {"exports"},
            "s3:DeleteObject": {"exports"},
            "s3:DeleteObjectVersion": {"exports"},
        },
        "finish_asset": {"s3:DeleteObject": {"sheets"}, "s3:DeleteObjectVersion": {"sheets"}},
        "purge_asset": {
            "s3:DeleteObject": {"uploads", "sheets", "exports"},
            "s3:DeleteObjectVersion": {"uploads", "sheets", "exports"},
            "s3:AbortMultipartUpload": {"uploads", "exports"},
        },
        "fetch_objects": {
            "s3:GetObject": {"uploads", ""},  # of the drop bucket: every object
            "s3:PutObject": {"uploads"},
            "s3:AbortMultipartUpload": {"uploads"},
        },
        "sweep_assets": {"s3:GetObject": {"uploads"}, "s3:AbortMultipartUpload": {"uploads"}},
        "webhooks": {"s3:PutObject": {"deliveries"}},
        "triage_alerts": {"s3:GetObject": {"deliveries"}},
        "ingest_runbooks": {"s3:GetObject": {""}},  # of the buckets that imports may read
        "keep_dead_letters": {"s3:GetObject": {"deliveries"}},
    }
    for name in template.functions():
        actual = {
            action: {resource["Fn::Join"][1][-1].strip("/*") for resource in resources}
            for action, resources in granted(template.statements_of(name), "s3:").items()
            if not action.startswith("s3:List") or action == "s3:ListMultipartUploadParts"
        }
        assert actual == expected.get(name, {}), name


def test_listing_is_bound_to_the_prefixes_that_are_deleted(template: Any) -> None:
    for name in ("extract_frames", "finish_asset", "purge_asset", "write_export", "sweep_exports"):
        (statement,) = [
            s for s in template.statements_of(name) if "s3:ListBucketVersions" in listed(s["Action"])
        ]
        prefixes = listed(statement["Condition"]["StringLike"]["s3:prefix"])
        assert all(prefix.startswith(("uploads/", "sheets/", "exports/")) for prefix in prefixes)


@pytest.mark.parametrize("caller", sorted(CALLERS))
def test_the_endpoint_is_called_by_those_who_embed_and_by_its_name(template: Any, caller: str) -> None:
    calls = granted(template.statements_of(caller), "sagemaker:")
    assert list(calls) == ["sagemaker:InvokeEndpoint"]
    (endpoint,) = template.of("AWS::SageMaker::Endpoint")
    assert endpoint in json.dumps(calls)


def test_nobody_else_calls_the_endpoint(template: Any) -> None:
    others = set(template.functions()) - CALLERS
    assert not [name for name in others if granted(template.statements_of(name), "sagemaker:")]


def test_each_function_reads_the_secret_of_its_role_only(template: Any) -> None:
    for name in set(template.functions()) - OUTSIDE:
        resources = granted(template.statements_of(name), "secretsmanager:")
        assert list(resources) == ["secretsmanager:GetSecretValue"]
        seen = {"App" if "AppSecret" in json.dumps(r) else "Owner" for r in resources.popitem()[1]}
        assert seen == SECRETS.get(name, {"App"}), name


def test_the_rest_is_one_action_on_one_resource(template: Any) -> None:
    expected = {
        "media_api": {"states:StartExecution", "sqs:SendMessage"},
        "start_pipeline": {"states:StartExecution", "sqs:SendMessage"},
        "sweep_assets": {
            "states:StartExecution",
            "states:DescribeExecution",
            "sqs:SendMessage",
            "events:PutEvents",
        },
        "purge_asset": {"events:PutEvents"},
        "admit_runs": {"states:StartExecution"},
        "list_import": {"events:PutEvents"},
        "fail_import": {"events:PutEvents"},
        "finish_asset": {"events:PutEvents"},
        "fail_asset": {"events:PutEvents"},
        "write_export": {"events:PutEvents"},
        "fail_export": {"events:PutEvents"},
        "sweep_exports": {
            "states:StartExecution",
            "states:DescribeExecution",
            "sqs:SendMessage",
            "events:PutEvents",
        },
        "index_vectors": {"sqs:SendMessage"},
        "scenarios_api": {"states:StartExecution", "sqs:SendMessage"},
        "act_on_results": {"sqs:SendMessage"},
        "apply_concept": {"sqs:SendMessage"},
        "match_asset": {"sqs:SendMessage", "events:PutEvents"},
        "deliver_webhooks": {"sqs:SendMessage"},
        "outgoing_api": {"sqs:SendMessage"},
        "webhooks": {"sqs:SendMessage"},
        "triage_alerts": {"events:PutEvents"},
        "summarise": {"events:PutEvents"},
        "keep_dead_letters": {"events:PutEvents"},
        "incidents_api": {"sqs:SendMessage", "events:PutEvents"},
        "sweep_incidents": {"sqs:SendMessage", "events:PutEvents"},
        "notices_api": {"sqs:SendMessage"},
        "notify": {"sqs:SendMessage", "events:PutEvents"},
        "sweep_notices": {"sqs:SendMessage"},
        "slack_interactions": {"sqs:SendMessage"},
    }
    for name in template.functions():
        own = {"states:", "events:", "cognito-idp:"}
        actions = {a for service in own for a in granted(template.statements_of(name), service)}
        actions |= set(granted(template.statements_of(name), "sqs:Send"))
        assert actions == expected.get(name, set()), name


def test_who_seals_secrets_cannot_read_them_and_nobody_else_does_either(template: Any) -> None:
    granted_keys = {name: set(granted(template.statements_of(name), "kms:")) for name in template.functions()}
    assert {name: actions for name, actions in granted_keys.items() if actions} == {
        "outgoing_api": {"kms:Encrypt"},
        "deliver_webhooks": {"kms:Decrypt"},
        "notices_api": {"kms:Encrypt"},
        "notify": {"kms:Decrypt"},
    }
    keys = template.of("AWS::KMS::Key")
    assert [key["Properties"]["EnableKeyRotation"] for key in keys.values()] == [True, True]
    used = {
        name: {key for key in keys if key in json.dumps(granted(template.statements_of(name), "kms:"))}
        for name in ("outgoing_api", "deliver_webhooks", "notices_api", "notify")
    }
    assert used["outgoing_api"] == used["deliver_webhooks"]
    assert used["notices_api"] == used["notify"]
    assert not used["notify"] & used["outgoing_api"], "a key for webhooks, and one for channels"


def test_each_authorizer_is_keyed_by_every_header_it_reads(template: Any) -> None:
    sources = {
        a["Name"]: (a["IdentitySource"], a["AuthorizerResultTtlInSeconds"], a["EnableSimpleResponses"])
        for a in template.properties("AWS::ApiGatewayV2::Authorizer")
    }
    token, workspace = "$request.header.Authorization", "$request.header.X-Workspace-Id"
    assert sources == {"user": ([token], 60, True), "workspace": ([token, workspace], 60, True)}


def test_what_is_open_to_anyone_is_listed(template: Any) -> None:
    routes = template.properties("AWS::ApiGatewayV2::Route")
    assert {r["RouteKey"] for r in routes if r.get("AuthorizationType", "NONE") == "NONE"} == {
        "GET /health",
        "GET /ready",
        "GET /docs",
        "GET /openapi.json",
        "GET /problems/{slug}",
        "POST /v1/auth/{proxy+}",
        "POST /v1/slack/interactions/{channel_id}",
        "POST /v1/webhooks/{platform}/{source_id}",
    }


def test_the_api_is_throttled_and_logged(template: Any) -> None:
    (stage,) = template.properties("AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    slow = {"POST /v1/auth/{proxy+}", "POST /v1/slack/interactions/{channel_id}"}
    assert set(stage["RouteSettings"]) == slow
    for limits in stage["RouteSettings"].values():
        assert limits["ThrottlingRateLimit"] < stage["DefaultRouteSettings"]["ThrottlingRateLimit"]
    assert "requestId" in json.loads(stage["AccessLogSettings"]["Format"])


def test_preflights_allow_what_clients_send(template: Any) -> None:
    (api,) = template.properties("AWS::ApiGatewayV2::Api")
    assert {"Authorization", "X-Workspace-Id", "Idempotency-Key"} <= set(
        api["CorsConfiguration"]["AllowHeaders"]
    )


def test_a_published_origin_is_not_everyone(templates: Mapping[str, Any]) -> None:
    (api,) = templates["prod"].properties("AWS::ApiGatewayV2::Api")
    assert "*" not in api["CorsConfiguration"]["AllowOrigins"]


def test_mail_is_sent_from_one_address_by_one_function(templates: Mapping[str, Any]) -> None:
    for name, template in templates.items():
        mailing = {one for one in template.functions() if granted(template.statements_of(one), "ses:")}
        assert mailing == ({"notify"} if STAGES[name].mail_from else set())
        for function in mailing:
            (statement,) = [
                one for one in template.statements_of(function) if "ses:SendEmail" in listed(one["Action"])
            ]
            assert statement["Condition"] == {"StringEquals": {"ses:FromAddress": STAGES[name].mail_from}}
            assert all(":identity/" in json.dumps(one) for one in listed(statement["Resource"]))
