"""A webhook's whole cold path: who is it from, is it they, keep it, say 202. No database, no web framework.

What it says is found out later (pipeline.py): a sender that waits for us to understand it gives up.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sightline.contracts.intake import Outbox, Source, SourceBook
from sightline.errors import NotFoundError, PayloadTooLargeError, SightlineError
from sightline.incidents.signatures import Credentials, Delivery, Trust, verify
from sightline.incidents.sns import Certificates, verify_sns

MAX_BODY_BYTES = 4 * 1024 * 1024
"""A Lambda takes 6 MB, of which base64 may be a third."""
MAX_MESSAGE_BYTES = 200_000
"""Of a queue's message; a longer delivery waits in S3."""
MAX_HEADER_CHARS = 1000
RETRY_AFTER_S = "5"
SOURCE_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")
SECRET_NAMES = re.compile(
    r"auth|cookie|secret|token|signature|password|api-?key|x-forwarded|x-amzn-trace", re.I
)
"""Headers that are neither kept nor passed on: they carry secrets, or where a request came through."""

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes deliveries in."""

    sources: SourceBook
    outbox: Outbox
    certificates: Certificates
    now_s: Callable[[], float] = field(default=time.time)

    def answer(self, event: Mapping[str, Any]) -> JsonObject:
        """An HTTP API's event in (payload 2.0), its answer out."""
        try:
            return _answer(202, {"delivery_id": self._take(event)})
        except SightlineError as error:
            return problem(error, trace=event["requestContext"]["requestId"])

    def _take(self, event: Mapping[str, Any]) -> str:
        platform, source_id = (event["pathParameters"][name] for name in ("platform", "source_id"))
        delivery = Delivery(
            body=_body(event),
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            received_s=self.now_s(),
            query=event.get("queryStringParameters") or {},
        )
        source = self.sources.find(source_id) if SOURCE_ID.fullmatch(source_id) else None
        if source is None or source.platform != platform:
            raise NotFoundError("There is no such source; check the address you were given.")
        return self._keep(source, source_id, delivery, self._trust(source, delivery))

    def _trust(self, source: Source, delivery: Delivery) -> Trust:
        if source.scheme == "sns":
            verify_sns(delivery, topic_arns=source.topic_arns, certificates=self.certificates)
            return "signed"
        credentials = Credentials(source.secrets, source.timestamp_header)
        return verify(source.scheme, delivery, credentials, allow_unsigned=source.allow_unsigned)

    def _keep(self, source: Source, source_id: str, delivery: Delivery, trust: Trust) -> str:
        delivery_id = str(uuid4())
        message = {
            "delivery_id": delivery_id,
            "workspace_id": source.workspace_id,
            "source_id": source_id,
            "platform": source.platform,
            "trust": trust,
            "received_s": delivery.received_s,
            "headers": kept_headers(delivery.headers),
        }
        text = json.dumps(message | _as_text(delivery.body))
        if len(text) > MAX_MESSAGE_BYTES:
            key = f"deliveries/{source.workspace_id}/{delivery_id}"
            self.outbox.keep(key, delivery.body)
            text = json.dumps(message | {"body_key": key})
        self.outbox.send(text)
        return delivery_id


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """All but those that hold secrets."""
    return {
        name: value[:MAX_HEADER_CHARS] for name, value in headers.items() if not SECRET_NAMES.search(name)
    }


def _as_text(body: bytes) -> dict[str, str]:
    """Text where it is text: base64 is a third longer."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    body = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode()
    if len(body) > MAX_BODY_BYTES:
        raise PayloadTooLargeError(f"A delivery has at most {MAX_BODY_BYTES:,} bytes.")
    return body


def problem(error: SightlineError, *, trace: str) -> JsonObject:
    """An RFC 9457 answer, as the other functions give it."""
    content = {
        "type": f"/problems/{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.slug,
        "retryable": error.retryable,
        "trace_id": trace,
    }
    answer = _answer(error.status, content, "application/problem+json")
    if error.retryable:
        answer["headers"]["retry-after"] = RETRY_AFTER_S
    return answer


def _answer(status: int, content: JsonObject, kind: str = "application/json") -> JsonObject:
    return {"statusCode": status, "headers": {"content-type": kind}, "body": json.dumps(content)}
