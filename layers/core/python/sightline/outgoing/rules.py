"""Pure decisions of webhooks: signatures, when to try again, which addresses are written to at all."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from random import Random
from urllib.parse import urlsplit

from sightline.errors import ForbiddenAddressError

PREFIX = "whsec_"
SECRET_BYTES = 32
"""Standard Webhooks asks for 24 to 64."""

# Seconds after each failed attempt: eight attempts in 28 hours. The first is soon, for what restarts; the
# last leave a night to whoever must mend it. Standard Webhooks: exponential, over days, with jitter.
PAUSES_S: Sequence[int] = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600)
JITTER = 0.1
# What a receiver may ask for by Retry-After at most.
LONGEST_PAUSE_S = 24 * 3600
GONE = 410
HTTPS_PORT = 443


def new_secret() -> str:
    """A secret as its owner sees it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature(secret: str, *, message_id: str, timestamp: int, body: bytes) -> str:
    """Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def signed_headers(live: Sequence[str], *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one attempt: one signature for each live secret, so that either verifies."""
    signatures = [signature(one, message_id=message_id, timestamp=timestamp, body=body) for one in live]
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def pause_s(
    tries: int, *, asked_s: float | None, random: Random, pauses_s: Sequence[int] = PAUSES_S
) -> float | None:
    """Seconds until the next attempt after so many tries; None when it was the last."""
    if tries > len(pauses_s):
        return None
    planned = pauses_s[tries - 1] * random.uniform(1 - JITTER, 1 + JITTER)
    return min(max(planned, asked_s or 0.0), LONGEST_PAUSE_S)


def delivered(status: int | None) -> bool:
    """Any 2xx is the receiver's word that it has the message."""
    return status is not None and 200 <= status < 300


def check_form(url: str, *, loopback: bool) -> None:
    """What an address must look like, before anything is resolved. Raises: ForbiddenAddressError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ForbiddenAddressError("That is no address.") from error
    if parts.scheme not in (("https", "http") if loopback else ("https",)):
        raise ForbiddenAddressError("The address begins with https://.")
    if not parts.hostname:
        raise ForbiddenAddressError("The address names no host.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ForbiddenAddressError("The address has neither user name nor password nor fragment.")
    if not loopback and port not in (None, HTTPS_PORT):
        raise ForbiddenAddressError("The address is on port 443.")
