"""A delivery's way to the queue: let in, refused, or not lost when nothing can be kept."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from sightline.contracts.intake import Source
from sightline.errors import DeliveryNotKeptError
from sightline.incidents.intake import MAX_BODY_BYTES, MAX_MESSAGE_BYTES, Intake
from tests.component.conftest import sample

pytestmark = pytest.mark.unit

SOURCE_ID = "c291cmNlLW9mLXNhbXBsZXM"
WORKSPACE = "0193a1b2-0000-7000-8000-000000000001"
SECRET = "sample-secret-of-datadog"


class Sources:
    """One source."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def find(self, source_id: str) -> Source | None:
        return self.source if source_id == SOURCE_ID else None


class PaperOutbox:
    """Remembers what was sent; refuses when it is broken."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.objects: dict[str, bytes] = {}
        self.broken = False

    def send(self, message: str) -> None:
        if self.broken:
            raise DeliveryNotKeptError
        self.sent.append(json.loads(message))

    def keep(self, key: str, body: bytes) -> None:
        self.objects[key] = body


@pytest.fixture
def outbox() -> PaperOutbox:
    return PaperOutbox()


def taken(outbox: PaperOutbox, event: dict[str, Any], **source: Any) -> dict[str, Any]:
    known = {
        "workspace_id": WORKSPACE,
        "platform": "datadog",
        "scheme": "shared_secret",
        "secrets": (SECRET,),
    }
    sources = Sources(Source(**{**known, **source}))  # type: ignore[arg-type]
    intake = Intake(sources, outbox, certificates=lambda _: b"", now_s=lambda: 1_795_176_000.0)
    answer = intake.answer(event)
    return {"status": answer["statusCode"], "headers": answer["headers"], **json.loads(answer["body"])}


def test_a_delivery_is_on_the_queue_before_it_is_answered(outbox: PaperOutbox) -> None:
    event = sample("webhooks/datadog_triggered")
    answer = taken(outbox, event)
    (message,) = outbox.sent
    assert answer["status"] == 202
    assert message["delivery_id"] == answer["delivery_id"]
    assert message["body"] == event["body"]
    assert (message["trust"], message["workspace_id"]) == ("shared_secret", WORKSPACE)
    assert SECRET not in json.dumps(message["headers"]), "a secret goes no further"


def test_a_signed_one_says_so(outbox: PaperOutbox) -> None:
    event = sample("webhooks/sentry_issue_created")
    digest = hmac.new(b"client secret", event["body"].encode(), hashlib.sha256).hexdigest()
    event["headers"]["sentry-hook-signature"] = digest
    known = {"platform": "sentry", "scheme": "sentry", "secrets": ("client secret",)}
    assert taken(outbox, event, **known)["status"] == 202
    assert outbox.sent[0]["trust"] == "signed"
    event["body"] += " "
    refused = taken(outbox, event, **known)
    assert (refused["status"], refused["code"], refused["retryable"]) == (401, "signature-invalid", False)
    assert len(outbox.sent) == 1


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ({"platform": "datadog", "source_id": "another-source-id"}, "not-found"),
        ({"platform": "sentry", "source_id": SOURCE_ID}, "not-found"),
        ({"platform": "datadog", "source_id": "../../etc/passwd"}, "not-found"),
    ],
)
def test_an_address_that_is_no_sources(outbox: PaperOutbox, path: dict[str, str], code: str) -> None:
    answer = taken(outbox, sample("webhooks/datadog_triggered") | {"pathParameters": path})
    assert (answer["status"], answer["code"]) == (404, code)
    assert answer["headers"]["content-type"] == "application/problem+json"


def test_a_long_delivery_waits_in_s3(outbox: PaperOutbox) -> None:
    body = json.dumps({"title": "long", "body": "x" * 1_000_000})
    assert taken(outbox, sample("webhooks/datadog_triggered") | {"body": body})["status"] == 202
    (message,) = outbox.sent
    assert outbox.objects == {message["body_key"]: body.encode()}
    assert message["body_key"].startswith(f"deliveries/{WORKSPACE}/")
    assert len(json.dumps(message)) < MAX_MESSAGE_BYTES


def test_bytes_that_are_no_text_arrive_as_they_were(outbox: PaperOutbox) -> None:
    body = {"body": base64.b64encode(b"\xff\xfe{}").decode(), "isBase64Encoded": True}
    assert taken(outbox, sample("webhooks/datadog_triggered") | body)["status"] == 202
    assert base64.b64decode(outbox.sent[0]["body_base64"]) == b"\xff\xfe{}"


def test_too_much_is_refused(outbox: PaperOutbox) -> None:
    answer = taken(outbox, sample("webhooks/datadog_triggered") | {"body": "x" * (MAX_BODY_BYTES + 1)})
    assert (answer["status"], answer["code"]) == (413, "payload-too-large")


def test_what_cannot_be_kept_is_to_be_sent_again(outbox: PaperOutbox) -> None:
    outbox.broken = True
    answer = taken(outbox, sample("webhooks/datadog_triggered"))
    assert (answer["status"], answer["code"], answer["retryable"]) == (503, "delivery-not-kept", True)
    assert answer["headers"]["retry-after"] == "5"


def test_an_empty_body_of_sentry_is_a_delivery_too(outbox: PaperOutbox) -> None:
    event = sample("webhooks/sentry_issue_created")
    del event["body"]
    event["headers"]["sentry-hook-signature"] = hmac.new(b"client secret", b"", hashlib.sha256).hexdigest()
    answer = taken(outbox, event, platform="sentry", scheme="sentry", secrets=("client secret",))
    assert answer["status"] == 202
    assert outbox.sent[0]["body"] == ""
