"""The webhook function's own wiring: importing wiring.py and telemetry.py takes longer than its work."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from sightline.incidents.intake import Intake
from sightline.providers.intake import SnsPages, SqsOutbox, SsmSources
from sightline.providers.signed_calls import SignedCalls

MAX_CERTIFICATES = 32


@cache
def intake() -> Intake:
    """Built when the first delivery comes; its connections are kept."""
    environment = os.environ
    return Intake(
        sources=SsmSources(environment["SIGHTLINE_SOURCE_PREFIX"], SignedCalls("ssm")),
        outbox=SqsOutbox(
            environment["SIGHTLINE_ALERT_QUEUE_URL"],
            environment["SIGHTLINE_MEDIA_BUCKET"],
            SignedCalls("sqs"),
            cache(lambda: SignedCalls("s3")),
        ),
        # An address is never used for another certificate.
        certificates=lru_cache(MAX_CERTIFICATES)(SnsPages().fetch),
    )


def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    """An HTTP API's event, payload 2.0."""
    answer = intake().answer(event)
    # The path's platform is the sender's claim: a refused one is not repeated.
    _log("delivery", status=answer["statusCode"], request_id=event["requestContext"]["requestId"])
    return answer


def _log(message: str, **keys: Any) -> None:
    """As Powertools' logger writes it, whose import takes 80 ms."""
    about = {"level": "INFO", "message": message, "timestamp": datetime.now(UTC).isoformat()}
    service = os.environ.get("POWERTOOLS_SERVICE_NAME", "webhooks")
    print(json.dumps(about | {"service": service} | keys), flush=True)
