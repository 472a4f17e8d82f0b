"""Whether a delivery comes from who it says: each sender's own scheme, over the raw bytes it sent.

Standard library only: this is on the path of a cold call. Every compare takes constant time. Sources: Sentry,
docs.sentry.io/organization/integrations/integration-platform/webhooks; PagerDuty, webhooks/v3 "Verifying
signatures"; GitHub, "Validating webhook deliveries"; Grafana, "Configure webhook notifications";
Standard Webhooks, github.com/standard-webhooks/standard-webhooks/blob/main/spec.
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sightline.errors import SignatureInvalidError

Trust = Literal["signed", "shared_secret", "none"]
Headers = Mapping[str, str]

REPLAY_WINDOW_S = 300
"""Seconds by which a signed time may differ from ours: the tolerance of Standard Webhooks."""
SECRET_HEADER = "x-sightline-secret"  # noqa: S105 - its name


@dataclass(frozen=True, slots=True)
class Delivery:
    """What arrived. headers: names in lower case; query: of the address, for senders without headers."""

    body: bytes
    headers: Headers
    received_s: float
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A source's secrets, the newest first: two are live while one is being replaced."""

    secrets: Sequence[str]
    timestamp_header: str | None = None


Scheme = Callable[[Delivery, Credentials], None]


def verify(scheme: str, delivery: Delivery, credentials: Credentials, *, allow_unsigned: bool) -> Trust:
    """How far the delivery can be trusted. Raises: SignatureInvalidError."""
    if not credentials.secrets:
        if not allow_unsigned:
            raise SignatureInvalidError("This source has no secret yet, and takes nothing without one.")
        return "none"
    if scheme in SIGNED:
        SIGNED[scheme](delivery, credentials)
        return "signed"
    _shared_secret(delivery, credentials)
    return "shared_secret"


def _sentry(delivery: Delivery, credentials: Credentials) -> None:
    claimed = _header(delivery, "sentry-hook-signature", "sentry-app-signature")
    _require(credentials, [claimed], delivery.body)


def _pagerduty(delivery: Delivery, credentials: Credentials) -> None:
    """`v1=<hex>,v1=<hex>`: one for each of PagerDuty's own secrets while it rotates them."""
    claimed = [part.strip() for part in _header(delivery, "x-pagerduty-signature").split(",")]
    _require(credentials, [part[3:] for part in claimed if part.startswith("v1=")], delivery.body)


def _github(delivery: Delivery, credentials: Credentials) -> None:
    claimed = _header(delivery, "x-hub-signature-256")
    _require(credentials, [claimed.removeprefix("sha256=")], delivery.body)


def _grafana(delivery: Delivery, credentials: Credentials) -> None:
    claimed, signed = _header(delivery, "x-grafana-alerting-signature"), delivery.body
    if credentials.timestamp_header:
        stamp = _header(delivery, credentials.timestamp_header.lower())
        _within_window(stamp, delivery)
        signed = stamp.encode() + b":" + signed
    _require(credentials, [claimed], signed)


def _standard(delivery: Delivery, credentials: Credentials) -> None:
    stamp = _header(delivery, "webhook-timestamp")
    _within_window(stamp, delivery)
    claimed = [part[3:] for part in _header(delivery, "webhook-signature").split() if part.startswith("v1,")]
    signed = f"{_header(delivery, 'webhook-id')}.{stamp}.".encode() + delivery.body
    keys = [_standard_key(secret) for secret in credentials.secrets]
    expected = [base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys]
    _require_any(claimed, expected)


def _standard_key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise SignatureInvalidError(
            "The source's secret is not base64, as Standard Webhooks wants it."
        ) from error


def _shared_secret(delivery: Delivery, credentials: Credentials) -> None:
    """In a header of its own, a bearer token, a password of basic authentication, or the address."""
    claimed = [delivery.headers.get(SECRET_HEADER, ""), delivery.query.get("secret", "")]
    kind, _, value = delivery.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        claimed.append(value.strip())
    elif kind.lower() == "basic":
        claimed.append(_password(value))
    claimed = [one for one in claimed if one]
    if not claimed:
        raise SignatureInvalidError(
            f"No secret came with it: send {SECRET_HEADER}, a bearer token or a password."
        )
    _require_any(claimed, credentials.secrets)


def _password(basic: str) -> str:
    try:
        return base64.b64decode(basic.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _header(delivery: Delivery, *names: str) -> str:
    for name in names:
        if value := delivery.headers.get(name, "").strip():
            return value
    raise SignatureInvalidError(f"The header {names[0]} is missing.")


def _within_window(stamp: str, delivery: Delivery) -> None:
    try:
        sent_s = float(stamp)
    except ValueError as error:
        raise SignatureInvalidError("The time of sending is not a number of seconds.") from error
    # Written so that NaN is refused too.
    if not abs(delivery.received_s - sent_s) <= REPLAY_WINDOW_S:
        raise SignatureInvalidError(
            f"Sent more than {REPLAY_WINDOW_S} s from now: a replay, or a wrong clock."
        )


def _require(credentials: Credentials, claimed: Sequence[str], signed: bytes) -> None:
    """HMAC-SHA256 in hexadecimal with any live secret."""
    secrets = credentials.secrets
    _require_any(claimed, [hmac.new(secret.encode(), signed, "sha256").hexdigest() for secret in secrets])


def _require_any(claimed: Sequence[str], expected: Sequence[str]) -> None:
    """Every pair is compared, so that time tells nothing of which matched."""
    matches = [hmac.compare_digest(one.encode(), other.encode()) for one in claimed for other in expected]
    if not any(matches):
        raise SignatureInvalidError("The signature or secret does not match any live secret of this source.")


SIGNED: Mapping[str, Scheme] = {
    "sentry": _sentry,
    "pagerduty": _pagerduty,
    "github": _github,
    "grafana": _grafana,
    "standard": _standard,
}
