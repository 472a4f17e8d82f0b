"""What both stages hold, and in what they differ."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

pytestmark = pytest.mark.infra

FUNCTIONS = {
    "accounts_api",
    "act_on_results",
    "admit_runs",
    "answer_question",
    "apply_concept",
    "authorizer",
    "deliver_webhooks",
    "embed_frames",
    "extract_frames",
    "fail_asset",
    "fail_export",
    "fail_import",
    "fetch_objects",
    "finish_asset",
    "incidents_api",
    "index_vectors",
    "ingest_runbooks",
    "keep_dead_letters",
    "list_import",
    "match_asset",
    "media_api",
    "migrate",
    "notices_api",
    "notify",
    "outgoing_api",
    "probe_media",
    "purge_asset",
    "scenarios_api",
    "slack_interactions",
    "start_pipeline",
    "summarise",
    "sweep_assets",
    "sweep_exports",
    "sweep_incidents",
    "sweep_notices",
    "system_api",
    "train_concept",
    "triage_alerts",
    "webhooks",
    "write_export",
}
OUTPUTS = {
    "ActionDlqUrl",
    "ActionQueueUrl",
    "AdmissionDlqUrl",
    "AdmissionQueueUrl",
    "AlertDlqUrl",
    "AlertQueueUrl",
    "ApiUrl",
    "ApplicationDlqUrl",
    "ApplicationQueueUrl",
    "BatchStateMachineArn",
    "DatabaseSecretArn",
    "DropBucketName",
    "EndpointName",
    "EventBusName",
    "ExportMachineArn",
    "ImportListRoleArn",
    "ImportMachineArn",
    "ImportReadRoleArn",
    "MatchDlqUrl",
    "MatchQueueUrl",
    "MediaBucketName",
    "MigrateFunctionName",
    "ModelStore",
    "NoticeDlqUrl",
    "NoticeQueueUrl",
    "PurgeDlqUrl",
    "PurgeQueueUrl",
    "QuestionDlqUrl",
    "QuestionQueueUrl",
    "RunbookDlqUrl",
    "RunbookQueueUrl",
    "StateMachineArn",
    "SummaryDlqUrl",
    "SummaryQueueUrl",
    "TrainingDlqUrl",
    "TrainingQueueUrl",
    "UploadsDlqUrl",
    "UploadsQueueUrl",
    "UserPoolClientId",
    "UserPoolId",
    "WebhookDlqUrl",
    "WebhookQueueUrl",
}


def test_every_acceptance_of_a_finding_has_a_reason(template: Any) -> None:
    reasons = [
        reason
        for entries in template.metadata.values()
        for entry in entries
        if entry["type"] == "aws:cdk:acknowledged-rules"
        for finding, reason in entry["data"].items()
        if "AwsSolutions" in finding
    ]
    assert len(reasons) > 10
    assert all(len(reason) > 20 and reason.endswith(".") for reason in reasons)


def test_outputs(template: Any) -> None:
    assert set(template.body["Outputs"]) == OUTPUTS


def test_every_function_is_ours_runs_python_and_has_its_own_role(template: Any) -> None:
    functions = template.functions()
    assert set(functions) == FUNCTIONS
    assert len(template.of("AWS::Lambda::Function")) == len(FUNCTIONS)
    assert {f["Properties"]["Runtime"] for f in functions.values()} == {"python3.13"}
    roles = [json.dumps(f["Properties"]["Role"]) for f in functions.values()]
    assert len(set(roles)) == len(FUNCTIONS)


def test_every_function_logs_to_a_group_that_ends_and_is_traced(template: Any) -> None:
    groups = template.of("AWS::Logs::LogGroup")
    assert all(group["Properties"]["RetentionInDays"] <= 90 for group in groups.values())
    for function in template.functions().values():
        properties = function["Properties"]
        assert properties["LoggingConfig"]["LogGroup"]["Ref"] in groups
        assert properties["TracingConfig"] == {"Mode": "Active"}


def test_functions_reach_the_database_from_private_subnets(template: Any) -> None:
    subnets = template.of("AWS::EC2::Subnet")
    networks = [one["Properties"].get("VpcConfig") for one in template.functions().values()]
    inside = [network for network in networks if network]
    assert inside
    for network in inside:
        for subnet in network["SubnetIds"]:
            assert subnets[subnet["Ref"]]["Properties"]["MapPublicIpOnLaunch"] is False


def test_one_nat_gateway_and_a_gateway_endpoint_for_s3(template: Any) -> None:
    assert len(template.of("AWS::EC2::NatGateway")) == 1
    (endpoint,) = template.properties("AWS::EC2::VPCEndpoint")
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert ".s3" in json.dumps(endpoint["ServiceName"])


def test_buckets_are_encrypted_private_and_take_tls_only(template: Any) -> None:
    buckets = template.of("AWS::S3::Bucket")
    assert len(buckets) == 4
    for bucket in buckets.values():
        properties = bucket["Properties"]
        assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert properties["LifecycleConfiguration"]["Rules"]
    refused = [
        policy["Bucket"]["Ref"]
        for policy in template.properties("AWS::S3::BucketPolicy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    ]
    assert sorted(refused) == sorted(buckets)


def test_the_media_bucket_keeps_versions_cleans_up_and_tells_eventbridge(template: Any) -> None:
    (media,) = [b for b in template.properties("AWS::S3::Bucket") if "NotificationConfiguration" in b]
    assert media["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = media["LifecycleConfiguration"]["Rules"]
    assert any("AbortIncompleteMultipartUpload" in rule for rule in rules)
    assert any("NoncurrentVersionExpiration" in rule for rule in rules)
    assert media["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert media["CorsConfiguration"]["CorsRules"][0]["ExposedHeaders"] == ["ETag"]
    assert media["LoggingConfiguration"]["DestinationBucketName"]


# Read twice, an alert is counted once; six minutes are long for one that failed for want of a database.
# Runbooks are claimed by whoever reads them, and an hour is long for whoever waits for them.
IMPATIENT = {"triage_alerts", "ingest_runbooks"}


def test_work_queues_have_dead_letters_and_outlast_their_consumers(template: Any) -> None:
    queues, functions = template.of("AWS::SQS::Queue"), template.of("AWS::Lambda::Function")
    mappings = template.properties("AWS::Lambda::EventSourceMapping")
    ends = {
        q["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for q in queues.values()
        if "RedrivePolicy" in q["Properties"]
    }
    fed = {mapping["EventSourceArn"]["Fn::GetAtt"][0] for mapping in mappings}
    assert len(fed - ends) == len([q for q in queues.values() if "RedrivePolicy" in q["Properties"]]) >= 6
    for mapping in mappings:
        name = mapping["EventSourceArn"]["Fn::GetAtt"][0]
        queue = queues[name]["Properties"]
        function = functions[mapping["FunctionName"]["Ref"]]["Properties"]
        service = function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        assert queue["VisibilityTimeout"] >= (1.5 if service in IMPATIENT else 6) * function["Timeout"]
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        if name not in ends:
            assert queue["RedrivePolicy"]["maxReceiveCount"] >= 3
            assert queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0] in queues


def test_only_the_alerts_dead_letters_are_tried_by_themselves(template: Any) -> None:
    (mapping,) = [
        mapping
        for mapping in template.properties("AWS::Lambda::EventSourceMapping")
        if "DeadLetters" in mapping["EventSourceArn"]["Fn::GetAtt"][0]
    ]
    function = template.of("AWS::Lambda::Function")[mapping["FunctionName"]["Ref"]]["Properties"]
    assert function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == "keep_dead_letters"
    assert mapping["BatchSize"] == 1


def test_a_missed_tick_is_kept(template: Any) -> None:
    for name in ("sweep_assets", "index_vectors"):
        assert template.functions()[name]["Properties"]["DeadLetterConfig"]["TargetArn"]


def test_uploads_arrive_on_the_queue(template: Any) -> None:
    rules = [r for r in template.properties("AWS::Events::Rule") if "EventPattern" in r]
    (rule,) = [r for r in rules if r["EventPattern"]["source"] == ["aws.s3"]]
    assert rule["EventPattern"]["detail-type"] == ["Object Created"]
    assert rule["EventPattern"]["detail"]["object"]["key"] == [{"prefix": "uploads/"}]


def test_the_end_of_a_run_lets_others_begin(template: Any) -> None:
    (rule,) = [
        r
        for r in template.properties("AWS::Events::Rule")
        if "asset.failed" in r.get("EventPattern", {}).get("detail-type", [])
    ]
    assert set(rule["EventPattern"]["detail-type"]) == {"asset.ready", "asset.failed", "asset.deleted"}
    assert rule["EventBusName"]
    for name in ("start_pipeline", "media_api", "sweep_assets", "admit_runs"):
        variables = template.functions()[name]["Properties"]["Environment"]["Variables"]
        assert int(variables["SIGHTLINE_RUNS_AT_ONCE"]) > 0


def test_the_endpoint_is_reserved_for_where_the_account_has_room(templates: Mapping[str, Any]) -> None:
    reserved = {
        stage: template.functions()["embed_frames"]["Properties"].get("ReservedConcurrentExecutions")
        for stage, template in templates.items()
    }
    assert reserved == {"dev": None, "prod": 32}


def test_imports_read_the_drop_bucket_and_no_other(template: Any) -> None:
    places = template.functions()["media_api"]["Properties"]["Environment"]["Variables"][
        "SIGHTLINE_IMPORT_BUCKETS"
    ]
    assert places["Fn::Join"][1][-1] == "/{workspace}/"
    (listing,) = [s for s in template.statements_of("list_import") if s["Action"] == "s3:ListBucket"]
    assert "Drop" in json.dumps(listing["Resource"])


def test_schedules(template: Any) -> None:
    rates = {
        r["ScheduleExpression"] for r in template.properties("AWS::Events::Rule") if "EventPattern" not in r
    }
    assert rates == {"rate(1 minute)", "rate(5 minutes)", "rate(15 minutes)"}


def test_the_database_is_encrypted_backed_up_and_of_the_local_major_version(template: Any) -> None:
    (cluster,) = template.properties("AWS::RDS::DBCluster")
    assert cluster["StorageEncrypted"] is True
    assert cluster["BackupRetentionPeriod"] >= 1
    major, minor = cluster["EngineVersion"].split(".")
    assert (major, int(minor) >= 8) == ("16", True), "pgvector 0.8 came with 16.8"


def test_the_database_takes_connections_from_functions_and_proxy_only(template: Any) -> None:
    groups = template.of("AWS::EC2::SecurityGroup")
    assert not any("SecurityGroupIngress" in group["Properties"] for group in groups.values())
    for rule in template.properties("AWS::EC2::SecurityGroupIngress"):
        assert rule["SourceSecurityGroupId"]["Fn::GetAtt"][0] in groups
        assert "CidrIp" not in rule


def test_stages_differ_where_they_should(templates: Mapping[str, Any]) -> None:
    dev, prod = templates["dev"], templates["prod"]
    (dev_cluster,), (prod_cluster,) = (t.properties("AWS::RDS::DBCluster") for t in (dev, prod))
    assert dev_cluster["ServerlessV2ScalingConfiguration"]["MinCapacity"] == 0
    assert dev_cluster["ServerlessV2ScalingConfiguration"]["SecondsUntilAutoPause"] == 300
    assert prod_cluster["ServerlessV2ScalingConfiguration"]["MinCapacity"] > 0
    assert (dev_cluster["DeletionProtection"], prod_cluster["DeletionProtection"]) == (False, True)
    assert (len(dev.of("AWS::RDS::DBProxy")), len(prod.of("AWS::RDS::DBProxy"))) == (0, 1)
    kept = [b for b in prod.of("AWS::S3::Bucket").values() if b["DeletionPolicy"] == "Retain"]
    assert len(kept) == 4
    assert {p["DeletionPolicy"] for p in prod.of("AWS::Cognito::UserPool").values()} == {"Retain"}


def test_the_proxy_takes_tls_and_the_application_role_only(templates: Mapping[str, Any]) -> None:
    (proxy,) = templates["prod"].properties("AWS::RDS::DBProxy")
    assert proxy["RequireTLS"] is True
    assert len(proxy["Auth"]) == 1
    assert "AppSecret" in json.dumps(proxy["Auth"])


def test_migrations_and_index_builds_go_past_the_proxy(templates: Mapping[str, Any]) -> None:
    functions = templates["prod"].functions()
    hosts = {
        name: json.dumps(f["Properties"]["Environment"]["Variables"]["SIGHTLINE_DATABASE_HOST"])
        for name, f in functions.items()
        if "VpcConfig" in f["Properties"]
    }
    assert {name for name, host in hosts.items() if "Proxy" not in host} == {"migrate", "index_vectors"}


def test_endpoints_cost_nothing_idle_in_dev_and_scale_in_and_out_in_prod(
    templates: Mapping[str, Any],
) -> None:
    variants = {
        stage: template.properties("AWS::SageMaker::EndpointConfig")[0]["ProductionVariants"][0]
        for stage, template in templates.items()
    }
    assert "ServerlessConfig" in variants["dev"]
    assert variants["prod"]["InstanceType"].startswith("ml.g")
    (target,) = templates["prod"].properties("AWS::ApplicationAutoScaling::ScalableTarget")
    assert target["MinCapacity"] < target["MaxCapacity"]
    (policy,) = templates["prod"].properties("AWS::ApplicationAutoScaling::ScalingPolicy")
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["ScaleInCooldown"] > tracking["ScaleOutCooldown"]
    assert tracking.get("DisableScaleIn", False) is False


def test_migrations_run_on_deploy_when_the_sql_changes(template: Any) -> None:
    ((name, resource),) = template.of("Custom::Migrations").items()
    functions = template.of("AWS::Lambda::Function")
    assert functions[resource["Properties"]["ServiceToken"]["Fn::GetAtt"][0]]
    assert len(resource["Properties"]["MigrationsHash"]) == 16
    assert any(needed in template.of("AWS::RDS::DBInstance") for needed in resource["DependsOn"]), name


def test_no_other_function_changes_before_the_schema_has(template: Any) -> None:
    (applied,) = template.of("Custom::Migrations")
    for name, function in template.functions().items():
        assert (applied in function["DependsOn"]) is (name != "migrate"), name


def test_passwords_are_strong_and_sign_in_is_by_email(template: Any) -> None:
    (pool,) = template.properties("AWS::Cognito::UserPool")
    policy = pool["Policies"]["PasswordPolicy"]
    assert policy.pop("MinimumLength") >= 12
    assert {value for key, value in policy.items() if key.startswith("Require")} == {True}
    assert pool["UsernameAttributes"] == ["email"]
    (client,) = template.properties("AWS::Cognito::UserPoolClient")
    assert "ALLOW_USER_PASSWORD_AUTH" in client["ExplicitAuthFlows"]
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert "GenerateSecret" not in client or client["GenerateSecret"] is False


def test_the_outer_stack_has_room_left(template: Any) -> None:
    inside = ("AWS::CloudWatch::", "AWS::SNS::")  # what infra_cdk.operations makes, in a stack of its own
    outer = [one for one in template.resources.values() if not one["Type"].startswith(inside)]
    assert 300 < len(outer) < 480
