"""Whether a button was pressed in Slack: the app's signing secret over the time and the raw body.

Source: docs.slack.dev/authentication/verifying-requests-from-slack.
"""

import hmac
from collections.abc import Mapping

from sightline.errors import SignatureInvalidError

REPLAY_WINDOW_S = 300
VERSION = "v0"
MAX_STAMP_CHARS = 12


def signature(secret: str, *, stamp: str, body: bytes) -> str:
    """As Slack makes it."""
    signed = f"{VERSION}:{stamp}:".encode() + body
    return f"{VERSION}={hmac.new(secret.encode(), signed, 'sha256').hexdigest()}"


def check_time(headers: Mapping[str, str], *, now_s: float) -> str:
    """The time it was sent, as sent. Raises: SignatureInvalidError for one of another time, or none."""
    stamp = headers.get("x-slack-request-timestamp", "")
    number = stamp.isascii() and stamp.isdigit() and len(stamp) <= MAX_STAMP_CHARS
    if not number or abs(now_s - int(stamp)) > REPLAY_WINDOW_S:
        raise SignatureInvalidError("It was not sent within the last five minutes.")
    return stamp


def check_signature(given: str, *, secret: str, stamp: str, body: bytes) -> None:
    """In constant time. Raises: SignatureInvalidError."""
    if not hmac.compare_digest(given.encode(), signature(secret, stamp=stamp, body=body).encode()):
        raise SignatureInvalidError("The signature is not this app's.")
