"""EventBridge's events: to whoever claimed their origin, once; what nobody claimed waits and is then read."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from sightline.database import transaction
from sightline.errors import MalformedRequestError
from sightline.settings import get_settings
from tests.component.conftest import sample
from tests.component.test_incidents import TRIAGE, User, user  # noqa: F401
from tests.conftest import SHARED_DATA, Workspace

pytestmark = pytest.mark.component

PARTNER = "aws.partner/example.com/ours"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> str:
    """An account of nobody else's tests, whose events may be claimed."""
    made = str(uuid4().int)[:12]
    monkeypatch.setenv("SIGHTLINE_EVENT_ORIGINS", f"{made},{PARTNER}-{made}")
    get_settings.cache_clear()
    return made


def event(account: str, **more: Any) -> dict[str, Any]:
    """An alarm that went off, as the rule puts it on the queue."""
    made: dict[str, Any] = json.loads(sample("triage_alerts/eventbridge_alarm")["Records"][0]["body"])
    return made | {"account": account, "id": str(uuid4())} | more


def claim(user: User, *origins: str, platform: str = "cloudwatch", **more: Any) -> str:  # noqa: F811
    return user.add_source(platform, event_origins=list(origins), **more)


def test_an_alarm_of_a_claimed_account_is_an_alert_and_its_end_ends_it(user: User, account: str) -> None:  # noqa: F811
    source_id = claim(user, account)
    fired = event(account)
    TRIAGE.take(fired)
    (alert,) = user.alerts()
    assert (alert["source_id"], alert["title"], alert["trust"]) == (source_id, "orders-5xx", "signed")
    assert (alert["status"], alert["region"], alert["tags"]["account"]) == ("firing", "eu-central-1", account)
    (delivery,) = user.ask("GET", "/v1/alert-deliveries").json["items"]
    assert json.loads(user.delivery(delivery["id"])["raw_payload"]) == fired
    over = event(account, time="2026-11-20T12:30:00Z")
    over["detail"]["state"] = {"value": "OK", "reason": "calm", "timestamp": "2026-11-20T12:30:00.000+0000"}
    TRIAGE.take(over)
    assert [one["status"] for one in user.alerts()] == ["recovered"]


def test_an_event_handed_over_again_changes_nothing(user: User, account: str) -> None:  # noqa: F811
    claim(user, account)
    fired = event(account)
    for _ in range(3):
        TRIAGE.take(fired)
    (alert,) = user.alerts()
    assert alert["occurrences"] == 1
    assert len(user.ask("GET", "/v1/alert-deliveries").json["items"]) == 1


def test_health_events_are_alerts(user: User, account: str) -> None:  # noqa: F811
    claim(user, account)
    detail = {
        "eventArn": "arn:aws:health:eu-central-1::event/LAMBDA/ISSUE/1",
        "service": "LAMBDA",
        "eventTypeCode": "AWS_LAMBDA_OPERATIONAL_ISSUE",
        "eventTypeCategory": "issue",
        "eventScopeCode": "PUBLIC",
        "statusCode": "open",
        "startTime": "Fri, 20 Nov 2026 11:59:00 GMT",
        "eventRegion": "eu-central-1",
        "eventDescription": [{"language": "en_US", "latestDescription": "Invocations fail more often."}],
    }
    told = {"detail-type": "AWS Health Event", "source": "aws.health", "resources": [], "detail": detail}
    TRIAGE.take(event(account, **told))
    (alert,) = user.alerts()
    assert (alert["title"], alert["service"]) == ("AWS_LAMBDA_OPERATIONAL_ISSUE", "LAMBDA")
    assert alert["occurred_at"].startswith("2026-11-20T11:59:00")
    assert (alert["severity"]["label"], alert["description"]) == ("high", "Invocations fail more often.")


def test_what_a_service_says_of_itself_is_an_alert_until_it_says_that_it_is_over(
    user: User,  # noqa: F811
    account: str,
) -> None:
    claim(user, account)
    taken = json.loads(sample("triage_alerts/eventbridge_rds")["Records"][0]["body"])
    began = taken | {"account": account, "id": str(uuid4())}
    TRIAGE.take(began)
    (alert,) = user.alerts()
    assert (alert["title"], alert["status"], alert["severity"]["label"]) == (
        *("orders-db: failover", "firing", "high"),
    )
    (delivery,) = user.ask("GET", "/v1/alert-deliveries").json["items"]
    assert json.loads(user.delivery(delivery["id"])["raw_payload"]) == began
    over = {"EventID": "RDS-EVENT-0049", "Message": "A Multi-AZ failover has completed."}
    over |= {"Date": "2026-11-20T12:01:00.000Z"}
    TRIAGE.take(began | {"id": str(uuid4()), "detail": began["detail"] | over})
    assert [one["status"] for one in user.alerts()] == ["recovered"]


def test_what_came_before_somebody_claimed_it_is_read_then(user: User, account: str) -> None:  # noqa: F811
    early = [event(account) for _ in range(3)]
    for one in [*early, early[0]]:
        TRIAGE.take(one)
    assert user.alerts() == []
    claim(user, account)
    (alert,) = user.alerts()
    assert alert["occurrences"] == 3
    TRIAGE.take(event(account))
    (alert,) = user.alerts()
    assert alert["occurrences"] == 4


def test_what_waits_is_nobodys_to_see(user: User, account: str) -> None:  # noqa: F811
    TRIAGE.take(event(account))
    with transaction(user.workspace.id) as conn:
        assert conn.execute("SELECT * FROM app.unclaimed(%s, 10)", (account,)).fetchall() == []
        row = conn.execute("SELECT has_table_privilege('alert_unclaimed', 'SELECT') AS may_read").fetchone()
    assert row == {"may_read": False}


def test_an_origin_is_one_sources_until_that_is_deleted(
    user: User,  # noqa: F811
    other_workspace: Workspace,
    account: str,
) -> None:
    source_id = claim(user, account)
    stranger = User(other_workspace, user.keys)
    body = {"name": "x", "platform": "cloudwatch", "event_origins": [account]}
    assert stranger.ask("POST", "/v1/alert-sources", body=body).status == 409
    TRIAGE.take(event(account))
    assert (len(user.alerts()), stranger.alerts()) == (1, [])
    assert user.ask("DELETE", f"/v1/alert-sources/{source_id}").status == 204
    claim(stranger, account)
    TRIAGE.take(event(account))
    assert (len(user.alerts()), len(stranger.alerts())) == (1, 1)


def test_a_workspace_claims_only_what_the_stage_lets_it(
    user: User,  # noqa: F811
    account: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused = [
        {"platform": "cloudwatch", "event_origins": ["000000000001"]},
        {"platform": "datadog", "event_origins": [account]},
        {"platform": "cloudwatch", "event_origins": ["nobody"]},
    ]
    for body in refused:
        assert user.ask("POST", "/v1/alert-sources", body={"name": "x", **body}).status == 422
    monkeypatch.setenv("SIGHTLINE_EVENT_ORIGINS", f"{account}@{uuid4()}")
    get_settings.cache_clear()
    body = {"name": "x", "platform": "cloudwatch", "event_origins": [account]}
    assert user.ask("POST", "/v1/alert-sources", body=body).status == 422
    monkeypatch.setenv("SIGHTLINE_EVENT_ORIGINS", f"{account}@{user.workspace.id}")
    get_settings.cache_clear()
    claim(user, account)


def test_a_partners_event_is_read_by_the_map_of_its_source(user: User, account: str) -> None:  # noqa: F811
    origin = f"{PARTNER}-{account}"
    claim(user, origin, platform="datadog")
    detail = {"monitor_id": "7", "title": "[Triggered] Disk is full", "alert_transition": "Triggered"}
    TRIAGE.take(event("999999999999", source=origin, detail=detail, **{"detail-type": "Monitor"}))
    (alert,) = user.alerts()
    assert (alert["platform"], alert["trust"]) == ("datadog", "signed")
    assert alert["title"] == "[Triggered] Disk is full"


def test_an_event_of_nowhere_goes_to_the_dead_letters(account: str) -> None:
    for broken in ({"id": ""}, {"id": 3}, {"account": ""}, {"source": "aws.partner/", "id": None}):
        with pytest.raises(MalformedRequestError):
            TRIAGE.take(event(account) | broken)


def test_every_real_event_is_kept_whole(user: User, account: str) -> None:  # noqa: F811
    paths = sorted(Path(SHARED_DATA / "webhooks" / "eventbridge").glob("*.json"))
    if not paths:
        pytest.skip("the real payloads are not here")
    claim(user, account)
    sent = []
    for path in paths:
        real = json.loads(path.read_text())
        if "detail-type" in real:
            sent.append(real | {"account": account, "id": str(uuid4())})
            TRIAGE.take(sent[-1])
    assert len(sent) > 15
    listed = user.ask("GET", "/v1/alert-deliveries", query="limit=200").json["items"]
    kept = [json.loads(user.delivery(one["id"])["raw_payload"]) for one in listed]
    assert sorted(kept, key=json.dumps) == sorted(sent, key=json.dumps)
