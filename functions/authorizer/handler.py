"""Lets a bearer token in, or not: every request of the API waits for this answer."""

from typing import Any

from sightline.accounts.authorization import answer
from sightline.telemetry import instrumented
from sightline.wiring import token_verifier


@instrumented
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """An HTTP API authorizer: payload 2.0, simple response."""
    return answer(event, token_verifier())
