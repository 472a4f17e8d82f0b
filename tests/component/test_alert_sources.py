"""Sources: who may send, how they prove it, and what may be changed of them."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from sightline.incidents.intake import Intake
from tests.component.conftest import sample
from tests.component.test_incidents import User, user  # noqa: F401
from tests.conftest import Workspace
from tests.unit.test_incidents_intake import PaperOutbox

pytestmark = pytest.mark.component

TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
BODY = '{"title": "Disk is full"}'


def knock(user: User, source_id: str, platform: str, **headers: str) -> str:  # noqa: F811
    """The trust that a delivery is taken with, or the code by which it is refused."""
    event = sample("webhooks/datadog_triggered")
    event["pathParameters"] = {"platform": platform, "source_id": source_id}
    event |= {"headers": headers, "body": BODY, "isBase64Encoded": False}
    outbox = PaperOutbox()
    answer = Intake(user.keys, outbox, lambda _: b"").answer(event)
    return str(outbox.sent[0]["trust"] if outbox.sent else json.loads(answer["body"])["code"])


@pytest.mark.parametrize("platform", ["generic", "grafana", "datadog", "sentry"])
def test_what_proves_nothing_is_taken_where_it_is_allowed(user: User, platform: str) -> None:  # noqa: F811
    body = {"name": "Ours", "platform": platform, "allow_unsigned": True}
    made = user.ask("POST", "/v1/alert-sources", body=body).json
    assert made["secret"] is None
    assert "nothing proves" in made["setup"]
    assert knock(user, made["id"], platform) == "none"
    user.ask("POST", f"/v1/alert-sources/{made['id']}/rotate", body={"secret": "a-secret-from-now-on"})
    assert knock(user, made["id"], platform) == "signature-invalid"
    (listed,) = user.ask("GET", "/v1/alert-sources").json["items"]
    assert listed["allow_unsigned"] is False


def test_a_sender_that_shows_its_secret_late_is_refused_until_then(user: User) -> None:  # noqa: F811
    made = user.ask("POST", "/v1/alert-sources", body={"name": "Ours", "platform": "pagerduty"}).json
    signature = "v1=" + hmac.new(b"from-pagerduty", BODY.encode(), hashlib.sha256).hexdigest()
    assert made["secret"] is None
    assert knock(user, made["id"], "pagerduty", **{"x-pagerduty-signature": signature}) == "signature-invalid"
    path = f"/v1/alert-sources/{made['id']}/rotate"
    assert user.ask("POST", path, body={}).json["errors"][0]["field"] == "body.secret"
    assert user.ask("POST", path, body={"secret": "from-pagerduty"}).status == 201
    assert knock(user, made["id"], "pagerduty", **{"x-pagerduty-signature": signature}) == "signed"


def test_either_of_two_live_secrets_is_good(user: User) -> None:  # noqa: F811
    made = user.ask("POST", "/v1/alert-sources", body={"name": "Ours", "platform": "datadog"}).json
    secrets = [made["secret"]]
    for _ in range(2):
        secrets.append(user.ask("POST", f"/v1/alert-sources/{made['id']}/rotate", body={}).json["secret"])
    taken = [knock(user, made["id"], "datadog", **{"x-sightline-secret": secret}) for secret in secrets]
    assert taken == ["signature-invalid", "shared_secret", "shared_secret"]


def test_a_map_that_was_wrong_is_changed_and_what_came_is_read_by_it(user: User) -> None:  # noqa: F811
    wrong, right = ({"fields": {"title": f"item.{name}"}} for name in ("titel", "title"))
    source_id = user.add_source("generic", map=wrong)
    delivery_id = user.deliver(source_id, BODY)
    assert user.delivery(delivery_id)["outcome"] == "unparsed"
    changed = user.ask("PATCH", f"/v1/alert-sources/{source_id}", body={"map": right, "name": "Mine"})
    assert (changed.status, changed.json["name"], changed.json["id"]) == (200, "Mine", source_id)
    user.ask("POST", f"/v1/alert-deliveries/{delivery_id}/replay")
    assert [alert["title"] for alert in user.alerts()] == ["Disk is full"]
    assert user.delivery(delivery_id)["outcome"] == "alerts"


def test_a_change_is_checked_as_a_new_source_is(user: User, other_workspace: Workspace) -> None:  # noqa: F811
    ours, datadog = user.add_source("generic"), user.add_source()
    for source_id, given in ((ours, {"fields": {"title": "["}}), (datadog, {"fields": {"title": "item.a"}})):
        answer = user.ask("PATCH", f"/v1/alert-sources/{source_id}", body={"map": given})
        assert (answer.status, answer.json["errors"][0]["field"]) == (422, "body.map")
    stranger = User(other_workspace, user.keys)
    assert stranger.ask("PATCH", f"/v1/alert-sources/{ours}", body={"name": "Mine"}).status == 404
    assert user.ask("PATCH", f"/v1/alert-sources/{ours}", role="editor", body={"name": "x"}).status == 403


def test_a_source_shows_its_secret_once_and_keeps_two_while_they_change(user: User) -> None:  # noqa: F811
    answer = user.ask("POST", "/v1/alert-sources", body={"name": "Ours", "platform": "generic"}).json
    assert answer["secret"].startswith("whsec_")
    assert answer["path"] == f"/v1/webhooks/generic/{answer['id']}"
    (listed,) = user.ask("GET", "/v1/alert-sources", role="viewer").json["items"]
    assert "secret" not in listed
    secrets = [answer["secret"]]
    for _ in range(2):
        secrets.insert(
            0, user.ask("POST", f"/v1/alert-sources/{answer['id']}/rotate", body={}).json["secret"]
        )
    assert user.keys.kept[answer["id"]].secrets == tuple(secrets[:2])
    assert user.ask("DELETE", f"/v1/alert-sources/{answer['id']}").status == 204
    assert answer["id"] not in user.keys.kept
    assert user.ask("GET", "/v1/alert-sources").json["items"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"platform": "cloudwatch"}, "body.topic_arns"),
        ({"platform": "sentry", "allow_unsigned": True, "secret": "a-secret"}, "body.allow_unsigned"),
        ({"platform": "cloudwatch", "topic_arns": [TOPIC], "allow_unsigned": True}, "body.allow_unsigned"),
        ({"platform": "generic", "map": {"fields": {"title": "["}}}, "body.map"),
        ({"platform": "datadog", "map": {"fields": {"title": "a"}}}, "body.map"),
        ({"platform": "nagios"}, "body.platform"),
        (
            {"platform": "cloudwatch", "topic_arns": ["arn:aws:sqs:eu-central-1:123456789012:q"]},
            "body.topic_arns.0",
        ),
    ],
)
def test_a_source_that_could_not_work_is_refused(user: User, body: dict[str, Any], field: str) -> None:  # noqa: F811
    answer = user.ask("POST", "/v1/alert-sources", body={"name": "x", **body})
    assert answer.status == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert user.keys.kept == {}


def test_only_admins_make_sources(user: User) -> None:  # noqa: F811
    answer = user.ask("POST", "/v1/alert-sources", role="editor", body={"name": "x", "platform": "datadog"})
    assert answer.status == 403
