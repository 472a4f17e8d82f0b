"""From an alert to Slack and back by a button: the whole stack, with Slack on this machine."""

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from sightline.incidents.notices.signatures import signature
from tests.fake_slack import FakeSlack, fake_slack
from tests.local.user import User
from tests.running_cloud import RunningCloud, wait_until

pytestmark = pytest.mark.local

WAIT_S = 90.0
SIGNING_SECRET = "secret-of-the-app"


@pytest.fixture(scope="module")
def user(cloud: RunningCloud) -> User:
    return User(cloud)


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with fake_slack() as one:
        yield one


def made(user: User, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = user.call("POST", f"/v1{path}", json=body)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    found: dict[str, Any] = answer.json()
    return found


def press(cloud: RunningCloud, path: str, button: dict[str, Any], *, secret: str) -> httpx.Response:
    """As Slack posts it."""
    payload = {"type": "block_actions", "user": {"id": "U0ADA", "username": "ada"}, "actions": [button]}
    body, stamp = urlencode({"payload": json.dumps(payload)}).encode(), str(int(time.time()))
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": signature(secret, stamp=stamp, body=body),
    }
    with cloud.http() as http:
        return http.post(path, content=body, headers=headers)


def test_an_alert_becomes_a_message_and_a_button_an_answer(
    cloud: RunningCloud, user: User, slack: FakeSlack
) -> None:
    # GIVEN a bot in a channel that Slack holds back for a moment, an incoming webhook, and a monitoring tool
    bot = {
        "kind": "slack_bot",
        "name": "ops",
        "token": "xoxb-of-the-bot",
        "signing_secret": SIGNING_SECRET,
        "conversation": "C0123",
        "api_url": slack.api,
    }
    channel = made(user, "/notification-channels", bot)
    made(user, "/notification-channels", {"kind": "slack", "name": "all", "url": slack.hook})
    source = made(user, "/alert-sources", {"name": "Our datadog", "platform": "datadog"})
    slack.script = [(429, {"retry-after": "1"})]
    # WHEN it sends a grave alert
    fired = {"monitor_id": "7", "title": "Checkout is <!here> down", "alert_transition": "Triggered"}
    body = json.dumps({**fired, "tags": "service:checkout", "priority": "P1"}).encode()
    with cloud.http() as http:
        taken = http.post(source["path"], content=body, headers={"X-Sightline-Secret": source["secret"]})
    assert taken.status_code == httpx.codes.ACCEPTED, taken.text
    # THEN both are told of the incident, whoever was held back too
    wait_until(lambda: slack.posted and slack.bodies(), timeout_s=WAIT_S, what="both messages")
    (ts,) = [ts for ts, posted in list(slack.posted.items()) if "thread_ts" not in posted]
    assert "INC-1 Checkout is &lt;!here&gt; down" in slack.posted[ts]["text"]
    # AND a button that is not Slack's does nothing, and one that is acknowledges it
    (acknowledge, resolve) = slack.posted[ts]["attachments"][0]["blocks"][-1]["elements"]
    assert press(cloud, channel["interactions_path"], resolve, secret="another").status_code == 200
    assert press(cloud, channel["interactions_path"], acknowledge, secret=SIGNING_SECRET).status_code == 200
    wait_until(lambda: "investigating" in slack.posted[ts]["text"], timeout_s=WAIT_S, what="the update")
    replies = ["Status: open → investigating, by <@U0ADA>", "Owner: none → ada, by <@U0ADA>"]
    wait_until(
        lambda: all(any(line in one["text"] for one in list(slack.posted.values())) for line in replies),
        timeout_s=WAIT_S,
        what="the thread",
    )

    def told() -> list[dict[str, Any]] | None:
        items: list[dict[str, Any]] = user.call("GET", "/v1/notifications").raise_for_status().json()["items"]
        return items if items and all(one["status"] in ("sent", "superseded") for one in items) else None

    wait_until(told, timeout_s=WAIT_S, what="every change to be told")
    assert "resolved" not in slack.posted[ts]["text"]
    for secret in (SIGNING_SECRET, "xoxb-of-the-bot", slack.hook):
        for function in ("notices_api", "notify", "slack_interactions"):
            assert secret not in cloud.function_log(function)
