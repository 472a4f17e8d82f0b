"""S3 in the emulator: its events on EventBridge carry the object's version, as the service's do."""

import json
from contextvars import ContextVar
from typing import Any

_version: ContextVar[str | None] = ContextVar("version", default=None)


def install() -> None:
    """Add `version-id` to the events of versioned buckets.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    from ministack.services import eventbridge, s3

    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_with_version(*arguments: Any, version_id: str | None = None, **named: Any) -> None:
        token = _version.set(version_id)
        try:
            fire(*arguments, version_id=version_id, **named)
        finally:
            _version.reset(token)

    def dispatch_with_version(event: dict[str, Any], *rest: Any, **named: Any) -> Any:
        if event.get("Source") == "aws.s3" and (version := _version.get()):
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch(event, *rest, **named)

    s3._fire_s3_event = fire_with_version
    eventbridge._dispatch_event = dispatch_with_version
