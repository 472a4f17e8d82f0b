"""Every payload that a tool really sent goes in by the front door, proven as its sender does, and is kept."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from sightline.contracts.intake import Source
from sightline.incidents.intake import Intake
from sightline.incidents.senders import PLATFORMS
from tests.component.test_incidents import NOON_S, TRIAGE, User, user  # noqa: F401
from tests.conftest import SHARED_DATA

pytestmark = pytest.mark.component

ROOT = Path(__file__).resolve().parents[2]
REAL = SHARED_DATA / "webhooks"
CLOUDWATCH = {"cloudwatch_alarm", "cloudwatch_sns", "eventbridge", "sns"}
OURS = "the-secret-of-this-test"
MEANT_FOR_NOBODY = {
    "bitbucket", "bitbucketserver", "buildkite", "circleci", "gitlab", "heroku", "jenkins", "jira", "linear",
    "netbox", "wazuh",
}  # fmt: skip
"""Tools without a sender and without a map: what they send is kept, and read if it happens to fit."""


class Shelf:
    """The queue and S3, in memory."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.objects: dict[str, bytes] = {}

    def send(self, message: str) -> None:
        self.sent.append(message)

    def keep(self, key: str, body: bytes) -> None:
        self.objects[key] = body

    def get(self, key: str) -> bytes:
        return self.objects[key]


class FrontDoor:
    """The intake as the function builds it, with this test's sources; what it keeps is read at once."""

    def __init__(self, user: User) -> None:  # noqa: F811
        self.user, self.shelf = user, Shelf()
        self.intake = Intake(user.keys, self.shelf, certificates=lambda _: b"", now_s=lambda: float(NOON_S))

    def deliver(self, source: Source, source_id: str, body: bytes) -> str:
        event = {
            "pathParameters": {"platform": source.platform, "source_id": source_id},
            "headers": {"content-type": "application/json", **signed(source, body)},
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
            "requestContext": {"requestId": str(uuid4())},
        }
        answer = self.intake.answer(event)
        assert answer["statusCode"] == 202, answer["body"]
        message = json.loads(self.shelf.sent.pop())
        # Long bodies wait where the reader looks for them.
        TRIAGE.take(message if "body_key" not in message else self._fetched(message))
        return str(message["delivery_id"])

    def _fetched(self, message: dict[str, Any]) -> dict[str, Any]:
        body = self.shelf.get(message["body_key"])
        rest = {name: value for name, value in message.items() if name != "body_key"}
        return rest | {"body_base64": base64.b64encode(body).decode()}


def signed(source: Source, body: bytes) -> dict[str, str]:
    """The headers that prove it, by the sender's own scheme."""
    secret = source.secrets[0]
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if source.scheme == "standard":
        stamp, name = str(int(NOON_S)), f"msg_{uuid4().hex}"
        key = base64.b64decode(secret.removeprefix("whsec_"))
        proof = base64.b64encode(hmac.digest(key, f"{name}.{stamp}.".encode() + body, "sha256")).decode()
        return {"webhook-id": name, "webhook-timestamp": stamp, "webhook-signature": f"v1,{proof}"}
    return {
        "sentry": {"sentry-hook-signature": digest},
        "pagerduty": {"x-pagerduty-signature": f"v1={digest}"},
        "github": {"x-hub-signature-256": f"sha256={digest}"},
        "grafana": {"x-grafana-alerting-signature": digest},
        "shared_secret": {"x-sightline-secret": secret},
    }[source.scheme]


def source_for(user: User, folder: str) -> tuple[Source, str]:  # noqa: F811
    """The sender that a tool's payloads are for, with its map where there is one."""
    platform = "cloudwatch" if folder in CLOUDWATCH else folder if folder in PLATFORMS else "generic"
    more: dict[str, Any] = {}
    if platform == "cloudwatch":
        more["scheme"] = "shared_secret"  # nobody but Amazon signs as SNS does
    elif platform in ("sentry", "pagerduty"):
        more["secret"] = OURS
    given = ROOT / "docs" / "maps" / f"{folder}.json"
    if given.exists():
        more["map"] = json.loads(given.read_text())
    source_id = user.add_source(platform, **more)
    return user.keys.kept[source_id], source_id


@pytest.mark.parametrize(
    "folder", sorted(path.name for path in REAL.iterdir() if path.is_dir()) if REAL.is_dir() else ["none"]
)
def test_every_real_payload_passes_through_and_is_found_whole(user: User, folder: str) -> None:  # noqa: F811
    paths = sorted((REAL / folder).glob("*.json"))
    if not paths:
        pytest.skip("the real payloads are not here")
    door = FrontDoor(user)
    source, source_id = source_for(user, folder)
    sent = {door.deliver(source, source_id, path.read_bytes()): path for path in paths}
    outcomes = set()
    for delivery_id, path in sent.items():
        kept = user.delivery(delivery_id)
        assert kept["raw_payload"].encode() == path.read_bytes(), path.name
        assert kept["outcome"] in ("alerts", "no_alerts", "unparsed"), path.name
        assert (kept["outcome"] == "unparsed") == bool(kept["reason"]), path.name
        outcomes.add(kept["outcome"])
    if folder not in MEANT_FOR_NOBODY | CLOUDWATCH:
        assert "unparsed" not in outcomes


def test_real_payloads_that_nothing_reads_are_listed_with_why(user: User) -> None:  # noqa: F811
    paths = sorted((REAL / "gitlab").glob("*.json"))
    if not paths:
        pytest.skip("the real payloads are not here")
    source, source_id = source_for(user, "gitlab")
    delivery_id = FrontDoor(user).deliver(source, source_id, paths[0].read_bytes())
    (listed,) = user.ask("GET", "/v1/alert-deliveries", query="outcome=unparsed").json["items"]
    assert (listed["id"], bool(listed["reason"])) == (delivery_id, True)
