"""What each sender's payload says; and what none says never raises anything but UnparsedError."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.incidents import senders
from sightline.incidents.schemas import NewAlert
from sightline.incidents.senders import PLATFORMS, sender
from sightline.incidents.senders.mapping import AlertMap, UnparsedError
from sightline.incidents.senders.reading import tags_of, text_of, time_of
from sightline.incidents.triage import payload_of

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = sorted((ROOT / "events" / "webhooks").glob("*.json"))
REAL = ROOT.parent / "shared" / "data" / "webhooks"
KINDS = sorted((Path(senders.__file__).parent / "cloudwatch" / "events").glob("*.json"))
FOLDERS = {
    "cloudwatch_alarm": "cloudwatch",
    "cloudwatch_sns": "cloudwatch",
    "eventbridge": "cloudwatch",
    "sns": "cloudwatch",
}


def read(name: str) -> list[NewAlert]:
    event = json.loads((ROOT / "events" / "webhooks" / f"{name}.json").read_text())
    return sender(event["pathParameters"]["platform"]).read(
        payload_of(event["body"].encode()), event["headers"]
    )


def test_every_platform_has_a_sample() -> None:
    assert {json.loads(path.read_text())["pathParameters"]["platform"] for path in SAMPLES} == set(PLATFORMS)


@pytest.mark.parametrize(
    ("name", "title", "severity", "service", "occurred_at"),
    [
        (
            "datadog_triggered",
            "[Triggered on {service:checkout}] Error rate is high",
            "high",
            "checkout",
            "11:59:00",
        ),
        (
            "sentry_issue_created",
            "TimeoutError: payment provider did not answer",
            "high",
            "checkout",
            "11:59:00",
        ),
        ("grafana_firing", "Queue is long", "high", "mailer", "11:55:00"),
        ("pagerduty_triggered", "Login is down", "critical", "login", "11:59:30"),
        ("cloudwatch_alarm", "orders-5xx", None, "orders", "11:58:30"),
        ("newrelic_open", "Apdex of storefront is low", "critical", "storefront", "11:56:00"),
        ("opsgenie_create", "Replica lags by 40 s", "medium", "orders-db", "11:56:40"),
        ("github_check_failed", "Check integration-tests failure", None, "shop", "11:50:00"),
        ("uptimerobot_down", "Storefront", None, "Storefront", "11:58:00"),
        ("generic_backup_failed", "Backup of orders failed", "critical", "backup", "03:00:00"),
    ],
)
def test_a_sample_says_what_its_sender_shows(
    name: str, title: str, severity: str | None, service: str, occurred_at: str
) -> None:
    (alert,) = read(name)
    assert (alert.title, alert.severity, alert.service, alert.recovered) == (title, severity, service, False)
    assert alert.occurred_at
    assert alert.occurred_at.strftime("%Y-%m-%d %H:%M:%S") == f"2026-11-20 {occurred_at}"


def event(name: str) -> Any:
    """A sample as EventBridge sent it."""
    taken = json.loads((ROOT / "events" / "triage_alerts" / f"eventbridge_{name}.json").read_text())
    return json.loads(taken["Records"][0]["body"])


@pytest.mark.parametrize(
    ("name", "title", "severity", "service", "host"),
    [
        (
            "guardduty",
            "198.51.100.0 is performing SSH brute force attacks against i-0abc1234def567890.",
            *("high", "bastion", "i-0abc1234def567890"),
        ),
        (
            "securityhub",
            "S3 general purpose buckets should block public read access",
            *("critical", None, None),
        ),
        ("ecs_task", "ECS task stopped: service:checkout", "high", "checkout", None),
        ("ecs_service", "ECS service: SERVICE_TASK_START_IMPAIRED", "medium", None, None),
        ("rds", "orders-db: failover", "high", "orders-db", "orders-db"),
        ("codepipeline", "Pipeline failed: deploy-checkout", "medium", "deploy-checkout", None),
        ("codebuild", "Build failed: checkout", "medium", "checkout", None),
        ("codedeploy", "Deployment failed: checkout", "high", "checkout", None),
        ("autoscaling", "Cannot start instances of workers", "medium", "workers", "i-0abc1234def567890"),
        (
            "stepfunctions",
            "Executions fail: arn:aws:states:eu-central-1:000000000000:stateMachine:invoices",
            *("medium", None, None),
        ),
        (
            "ec2",
            "EC2 Instance State-change Notification: i-0abc1234def567890",
            *(None, None, "i-0abc1234def567890"),
        ),
    ],
)
def test_what_a_service_of_aws_says_of_itself_is_an_alert(
    name: str, title: str, severity: str | None, service: str | None, host: str | None
) -> None:
    (alert,) = sender("cloudwatch").read(event(name), {})
    assert (alert.title, alert.severity, alert.service, alert.host) == (title, severity, service, host)
    assert (alert.recovered, alert.region) == (False, "eu-central-1")
    assert (alert.tags["account"], str(alert.occurred_at)[:10]) == ("000000000000", "2026-11-20")
    inside = {"Type": "Notification", "Message": json.dumps(event(name))}
    assert sender("cloudwatch").read(inside, {}) == [alert], "the same over an SNS topic"


def changed(name: str, **detail: Any) -> Any:
    said = event(name)
    kind = detail.pop("kind", said["detail-type"])
    return said | {"detail-type": kind, "detail": said["detail"] | detail}


FINDING = event("securityhub")["detail"]["findings"][0]


@pytest.mark.parametrize(
    ("name", "over"),
    [
        ("guardduty", {"service": {"archived": True}}),
        ("securityhub", {"findings": [FINDING | {"Workflow": {"Status": "RESOLVED"}}]}),
        ("securityhub", {"findings": [FINDING | {"Compliance": {"Status": "PASSED"}}]}),
        ("ecs_service", {"eventType": "INFO", "eventName": "SERVICE_STEADY_STATE"}),
        ("rds", {"EventID": "RDS-EVENT-0049", "Message": "A Multi-AZ failover has completed."}),
        ("codepipeline", {"state": "SUCCEEDED"}),
        ("codebuild", {"build-status": "SUCCEEDED"}),
        ("codedeploy", {"state": "SUCCESS"}),
        ("autoscaling", {"kind": "EC2 Instance Launch Successful"}),
        ("stepfunctions", {"status": "SUCCEEDED"}),
    ],
)
def test_its_end_has_the_name_of_its_beginning(name: str, over: dict[str, Any]) -> None:
    (begun,), (ended,) = (
        sender("cloudwatch").read(said, {}) for said in (event(name), changed(name, **over))
    )
    assert (ended.external_id, begun.recovered, ended.recovered) == (begun.external_id, False, True)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ecs_task", {"lastStatus": "RUNNING"}),
        ("ecs_task", {"stopCode": "ServiceSchedulerInitiated"}),
        ("ecs_task", {"containers": [{"name": "checkout", "exitCode": 0}]}),
        ("ecs_service", {"eventType": "INFO", "eventName": "SERVICE_TASK_PLACEMENT"}),
        ("rds", {"EventCategories": ["backup"]}),
        ("codepipeline", {"state": "STARTED"}),
        ("codepipeline", {"kind": "CodePipeline Stage Execution State Change"}),
        ("codebuild", {"build-status": "IN_PROGRESS"}),
        ("codedeploy", {"state": "START"}),
        ("autoscaling", {"kind": "EC2 Instance-launch Lifecycle Action"}),
        ("stepfunctions", {"status": "RUNNING"}),
    ],
)
def test_what_went_as_it_should_tells_of_no_alert(name: str, said: dict[str, Any]) -> None:
    assert sender("cloudwatch").read(changed(name, **said), {}) == []


def test_a_group_holds_an_alert_and_a_recovery_told_apart_by_their_fingerprints() -> None:
    first, second = read("alertmanager_group")
    assert (first.recovered, first.external_id, first.host) == (False, "a1b2c3d4e5f60718", "db-1:9100")
    assert (second.recovered, second.external_id, second.host) == (True, "ffeeddccbbaa9988", "db-2:9100")
    assert second.occurred_at == datetime(2026, 11, 20, 11, 57, 30, tzinfo=UTC)


def test_every_real_sample_of_a_platform_is_read() -> None:
    if not REAL.is_dir():
        pytest.skip("the real payloads are not here")
    read_of: dict[str, int] = {}
    for path in sorted(REAL.glob("*/*.json")):
        platform = FOLDERS.get(path.parent.name, path.parent.name)
        alert_map = sender(platform if platform in PLATFORMS else "generic")
        try:
            alert_map.read(payload_of(path.read_bytes()), {})
        except UnparsedError:
            continue
        read_of[platform] = read_of.get(platform, 0) + 1
    for platform in (
        "alertmanager",
        "datadog",
        "github",
        "grafana",
        "newrelic",
        "pagerduty",
        "sentry",
        "uptimerobot",
    ):
        assert read_of[platform] == len(list((REAL / platform).glob("*.json"))), platform


def test_datadogs_recovery_has_the_name_of_its_alert() -> None:
    if not REAL.is_dir():
        pytest.skip("the real payloads are not here")
    pairs: dict[str, set[bool]] = {}
    for path in sorted((REAL / "datadog").glob("keep_recorded_*.json")):
        (alert,) = sender("datadog").read(json.loads(path.read_text()), {})
        pairs.setdefault(alert.external_id, set()).add(alert.recovered)
    assert {True, False} in pairs.values()


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["alerts", "labels", "title", "data", "event", "status", "tags", "id"]), inner
        )
    ),
    max_leaves=20,
)


@pytest.mark.parametrize("name", [path.stem for path in KINDS])
@given(payload=JSON, detail=JSON)
@settings(max_examples=40, deadline=None)
def test_no_event_breaks_a_map(name: str, payload: Any, detail: Any) -> None:
    said = {"detail-type": "Something", "source": name, "detail": detail, "resources": payload}
    try:
        found = sender("cloudwatch").read(said, {})
    except UnparsedError:
        return
    for alert in found:
        assert alert.title.encode()


@pytest.mark.parametrize("platform", PLATFORMS)
@given(payload=JSON)
@settings(max_examples=40, deadline=None)
def test_no_payload_breaks_a_map(platform: str, payload: Any) -> None:
    try:
        found = sender(platform).read(payload, {})
    except UnparsedError:
        return
    for alert in found:
        assert alert.title.encode()


@pytest.mark.parametrize(
    "body", [b"", b"  ", b"\xff\xfe", b"hello", b'{"a":', b"[" * 100_000, b'{"a":' * 50_000, b"9" * 5000]
)
def test_what_is_no_payload_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(UnparsedError):
        sender("generic").read(payload_of(body), {})


def test_a_state_nobody_knows_is_not_taken_for_an_alert() -> None:
    with pytest.raises(UnparsedError, match="state"):
        sender("datadog").read({"title": "x", "alert_transition": "Something new"}, {})


def test_a_customers_own_map() -> None:
    alert_map = AlertMap.model_validate(
        {
            "items": "problems",
            "fields": {
                "title": "item.what",
                "state": "item.now",
                "severity": "item.grade",
                "host": "item.on",
            },
            "states": {"firing": ["bad"], "recovered": ["good"]},
            "severities": {"critical": ["a"]},
        }
    )
    one, other = alert_map.read(
        {
            "problems": [
                {"what": "Disk 81 %", "now": "BAD", "grade": "A", "on": "db"},
                {"what": "Disk 79 %", "now": "good", "on": "db"},
            ]
        },
        {},
    )
    assert (one.severity, one.recovered, other.recovered) == ("critical", False, True)
    assert one.external_id == other.external_id, "numbers differ from one delivery to the next"


@pytest.mark.parametrize(
    "wrong", [{"fields": {"title": "item.["}}, {"fields": {}}, {"fields": {"title": "a" * 3000}}]
)
def test_a_wrong_map_is_refused_when_it_is_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="title"):
        AlertMap.model_validate(wrong)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1795176000, "2026-11-20T12:00:00"),
        ("1795176000000", "2026-11-20T12:00:00"),
        (1795176000000000110, "2026-11-20T12:00:00"),
        ("2026-11-20T13:00:00+01:00", "2026-11-20T12:00:00"),
        ("Fri, 20 Nov 2026 12:00:00 GMT", "2026-11-20T12:00:00"),
        ("0001-01-01T00:00:00Z", None),
        ("soon", None),
        (float("nan"), None),
        (float("inf"), None),
        (-1, None),
        (True, None),
        ({}, None),
    ],
)
def test_times_as_tools_write_them(value: Any, expected: str | None) -> None:
    found = time_of(value)
    assert (found.strftime("%Y-%m-%dT%H:%M:%S") if found else None) == expected


@pytest.mark.parametrize(
    "value",
    [
        {"env": "prod", "team": "a:b"},
        "env:prod, team:a:b",
        "env=prod,team=a:b",
        ["env:prod", "team=a:b"],
        [["env", "prod"], ["team", "a:b"]],
        [{"key": "env", "value": "prod"}, {"key": "team", "value": "a:b"}],
        [{"env": "prod"}, {"team": "a:b"}],
    ],
)
def test_tags_as_tools_write_them(value: Any) -> None:
    assert tags_of(value) == {"env": "prod", "team": "a:b"}


def test_what_postgres_cannot_keep_is_left_out_of_texts() -> None:
    assert text_of("a\x00b\ud800c") == "ab?c"
