"""A monitoring tool's day: let in, sends, is understood, is refused; all over HTTP on the whole stack."""

import base64
import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from tests.local.user import User
from tests.running_cloud import RunningCloud, wait_until

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def user(cloud: RunningCloud) -> User:
    return User(cloud)


def add_source(user: User, platform: str) -> dict[str, Any]:
    request = {"name": f"Our {platform}", "platform": platform}
    made: dict[str, Any] = user.call("POST", "/v1/alert-sources", json=request).raise_for_status().json()
    return made


def post(cloud: RunningCloud, path: str, body: bytes, **headers: str) -> httpx.Response:
    with cloud.http() as http:
        return http.post(path, content=body, headers={"content-type": "application/json", **headers})


def listed(user: User, path: str, *, least: int, title: str = "") -> list[dict[str, Any]]:
    """Once there are so many; title: of those that are called so, for an account has other alerts too."""

    def there() -> list[dict[str, Any]] | None:
        items: list[dict[str, Any]] = user.call("GET", path).raise_for_status().json()["items"]
        items = [item for item in items if not title or item["title"] == title]
        return items if len(items) >= least else None

    return wait_until(there, timeout_s=60, what=f"{least} of {path}")


def test_a_shared_secret_lets_a_tool_in_and_nothing_else_does(cloud: RunningCloud, user: User) -> None:
    source = add_source(user, "datadog")
    fired = {
        "monitor_id": "7",
        "title": "[Triggered] p99 of checkout is high",
        "alert_transition": "Triggered",
    }
    body = json.dumps({**fired, "tags": "service:checkout", "priority": "P2"}).encode()
    refused = post(cloud, source["path"], body, **{"X-Sightline-Secret": "another"})
    assert (refused.status_code, refused.json()["code"]) == (401, "signature-invalid")
    assert post(cloud, "/v1/webhooks/datadog/no-such-source-at-all", body).status_code == 404
    taken = post(cloud, source["path"], body, **{"X-Sightline-Secret": source["secret"]})
    assert taken.status_code == 202, taken.text
    (alert,) = listed(user, f"/v1/alerts?source_id={source['id']}", least=1)
    assert (alert["service"], alert["severity"]["label"], alert["trust"]) == (
        "checkout",
        "high",
        "shared_secret",
    )
    delivery = user.call("GET", f"/v1/alert-deliveries/{taken.json()['delivery_id']}").json()
    assert delivery["raw_payload"] == body.decode()
    assert source["secret"] not in json.dumps(delivery)


def test_a_storm_of_signed_deliveries_loses_none_and_doubles_none(cloud: RunningCloud, user: User) -> None:
    source = add_source(user, "generic")
    key = base64.b64decode(source["secret"].removeprefix("whsec_"))

    def send(number: int) -> int:
        body = json.dumps(
            {"id": f"a{number % 10}", "title": f"Alert {number % 10}", "status": "firing"}
        ).encode()
        name, stamp = f"msg_{number}", str(int(time.time()))
        digest = hmac.new(key, f"{name}.{stamp}.".encode() + body, hashlib.sha256).digest()
        signature = "v1," + base64.b64encode(digest).decode()
        headers = {"webhook-id": name, "webhook-timestamp": stamp, "webhook-signature": signature}
        # A sender that heard nothing sends the same again.
        return max(post(cloud, source["path"], body, **headers).status_code for _ in range(2))

    with ThreadPoolExecutor(4) as senders:
        assert set(senders.map(send, range(40))) == {202}

    def counted() -> list[dict[str, Any]] | None:
        alerts: list[dict[str, Any]] = user.call("GET", f"/v1/alerts?source_id={source['id']}").json()[
            "items"
        ]
        return alerts if sum(alert["occurrences"] for alert in alerts) >= 40 else None

    alerts = wait_until(counted, timeout_s=90, what="every delivery to be read")
    assert sorted((alert["external_id"], alert["occurrences"]) for alert in alerts) == [
        (f"a{number}", 4) for number in range(10)
    ]


def test_a_megabyte_goes_by_way_of_s3(cloud: RunningCloud, user: User) -> None:
    source = add_source(user, "datadog")
    body = json.dumps({"monitor_id": "9", "title": "Long", "body": "x" * 1_000_000}).encode()
    assert post(cloud, source["path"], body, **{"X-Sightline-Secret": source["secret"]}).status_code == 202
    (alert,) = listed(user, f"/v1/alerts?source_id={source['id']}", least=1)
    assert (alert["title"], len(alert["description"])) == ("Long", 10_000)


def test_what_nobody_understands_is_shown(cloud: RunningCloud, user: User) -> None:
    source = add_source(user, "datadog")
    answer = post(cloud, source["path"], b"\xff\x00 no JSON", **{"X-Sightline-Secret": source["secret"]})
    assert answer.status_code == 202
    (delivery,) = listed(user, "/v1/alert-deliveries?outcome=unparsed", least=1)
    assert delivery["id"] == answer.json()["delivery_id"]
    assert delivery["reason"]


def test_an_alarm_comes_by_way_of_the_default_event_bus(cloud: RunningCloud, user: User) -> None:
    cloudwatch = cloud.aws("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="orders-5xx",
        Namespace="AWS/ApplicationELB",
        MetricName="HTTPCode_Target_5XX_Count",
        Dimensions=[{"Name": "LoadBalancer", "Value": "app/orders/50dc6c495c0c9188"}],
        Period=60,
        EvaluationPeriods=1,
        Statistic="Sum",
        Threshold=10,
        ComparisonOperator="GreaterThanThreshold",
    )
    # It goes off before anybody has claimed the account's events.
    cloudwatch.set_alarm_state(AlarmName="orders-5xx", StateValue="ALARM", StateReason="42 is above 10")
    request = {"name": "Our alarms", "platform": "cloudwatch", "event_origins": ["000000000000"]}
    source = user.call("POST", "/v1/alert-sources", json=request).raise_for_status().json()
    (alert,) = listed(user, f"/v1/alerts?source_id={source['id']}", least=1, title="orders-5xx")
    assert (alert["trust"], alert["description"]) == ("signed", "42 is above 10")
    assert alert["service"] == "app/orders/50dc6c495c0c9188"
    cloudwatch.set_alarm_state(AlarmName="orders-5xx", StateValue="OK", StateReason="3 is not above 10")
    recovered = f"/v1/alerts?source_id={source['id']}&status=recovered"
    (over,) = listed(user, recovered, least=1, title="orders-5xx")
    assert over["id"] == alert["id"]


def test_an_incident_is_summarised_when_it_opens_and_when_it_is_asked_for(
    cloud: RunningCloud, user: User
) -> None:
    source = add_source(user, "datadog")

    def fire(name: str) -> None:
        said = {"monitor_id": name, "title": f"{name} of billing is high", "alert_transition": "Triggered"}
        # An environment of its own: what other tests say at this minute is no part of it.
        body = json.dumps({**said, "tags": "service:billing,env:staging", "priority": "P2"}).encode()
        assert post(cloud, source["path"], body, **{"X-Sightline-Secret": source["secret"]}).is_success

    def summary(because: str) -> dict[str, Any] | None:
        found = user.call("GET", f"/v1/incidents/{incident_id}/summary")
        told: dict[str, Any] = found.json()
        return told if found.is_success and told["because"] == because else None

    fire("Latency")
    (alert,) = listed(user, f"/v1/alerts?source_id={source['id']}", least=1)
    with psycopg.connect(cloud.database_url()) as connection:
        row = connection.execute("SELECT incident_id FROM alert WHERE id = %s", [alert["id"]]).fetchone()
    assert row is not None
    incident_id = row[0]
    opened = wait_until(lambda: summary("opened"), timeout_s=60, what="the first summary")
    assert opened["sentences"][0]["alert_ids"] == [alert["id"]]
    fire("Error rate")
    listed(user, f"/v1/alerts?source_id={source['id']}", least=2)
    assert user.call("POST", f"/v1/incidents/{incident_id}/summary").status_code == httpx.codes.ACCEPTED
    asked = wait_until(lambda: summary("asked"), timeout_s=60, what="the summary that was asked for")
    assert "2 alerts of billing in staging" in asked["sentences"][0]["text"]
