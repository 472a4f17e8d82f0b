"""Whether a delivery comes from the topic it names: Amazon SNS signs with a key whose certificate it serves.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html.
The X.509 library is imported when a message must be checked: no other sender's cold call pays for it.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sightline.errors import SignatureInvalidError
from sightline.incidents.signatures import Delivery

Certificates = Callable[[str], bytes]
"""The PEM certificate at an address, which was checked before."""

HOST = re.compile(r"sns\.[a-z0-9-]{3,30}\.amazonaws\.com(\.cn)?")
CERTIFICATE_PATH = re.compile(r"/SimpleNotificationService-[0-9a-f]{1,64}\.pem")
SIGNED_OF_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
SIGNED_OF_SUBSCRIPTION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
MAX_AGE_S = 3600
"""Seconds: SNS retries an HTTP delivery for up to 50 minutes by its default policy, under the first time."""


def verify_sns(delivery: Delivery, *, topic_arns: Sequence[str], certificates: Certificates) -> None:
    """Raises: SignatureInvalidError."""
    message = _message(delivery.body)
    if message.get("TopicArn") not in topic_arns:
        raise SignatureInvalidError("Its topic is not one that this source takes.")
    _require_recent(message, delivery.received_s)
    address = message.get("SigningCertURL")
    if not isinstance(address, str) or not is_sns_address(address, path=CERTIFICATE_PATH):
        raise SignatureInvalidError("Its certificate is not at an address of Amazon SNS.")
    _verify(message, certificates(address))


def is_sns_address(address: str, *, path: re.Pattern[str] | None = None) -> bool:
    """Whether an address is one of Amazon SNS, over TLS, and nothing else: we fetch what it names."""
    try:
        parts = urlsplit(address)
        plain = parts.scheme == "https" and parts.port in (None, 443) and not parts.username
    except ValueError:
        return False
    return (
        plain
        and bool(HOST.fullmatch(parts.hostname or ""))
        and (not path or bool(path.fullmatch(parts.path)))
    )


def _message(body: bytes) -> Mapping[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SignatureInvalidError("It is not JSON.") from error
    if not isinstance(message, dict):
        raise SignatureInvalidError("It is not a JSON object.")
    return message


def _require_recent(message: Mapping[str, Any], received_s: float) -> None:
    try:
        sent = datetime.fromisoformat(str(message.get("Timestamp")))
    except ValueError as error:
        raise SignatureInvalidError("Its Timestamp is not a time.") from error
    age_s = received_s - (sent if sent.tzinfo else sent.replace(tzinfo=UTC)).timestamp()
    if not -300 <= age_s <= MAX_AGE_S:
        raise SignatureInvalidError(f"It was sent more than {MAX_AGE_S} s ago: a replay, or a wrong clock.")


def _verify(message: Mapping[str, Any], certificate: bytes) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256
    from cryptography.x509 import load_pem_x509_certificate

    digest = {"1": SHA1, "2": SHA256}.get(str(message.get("SignatureVersion")))
    if digest is None:
        raise SignatureInvalidError("Its SignatureVersion is neither 1 nor 2.")
    try:
        signature = base64.b64decode(str(message.get("Signature")), validate=True)
        key = load_pem_x509_certificate(certificate).public_key()
    except (binascii.Error, ValueError) as error:
        raise SignatureInvalidError("Its signature or certificate cannot be read.") from error
    if not isinstance(key, RSAPublicKey):
        raise SignatureInvalidError("Its certificate holds no RSA key.")
    try:
        key.verify(signature, _signed(message), PKCS1v15(), digest())
    except InvalidSignature as error:
        raise SignatureInvalidError("Its signature does not match.") from error


def _signed(message: Mapping[str, Any]) -> bytes:
    """The lines that SNS signs: names and values of what is there."""
    names = SIGNED_OF_NOTIFICATION if message.get("Type") == "Notification" else SIGNED_OF_SUBSCRIPTION
    return "".join(f"{name}\n{message[name]}\n" for name in names if message.get(name) is not None).encode()
