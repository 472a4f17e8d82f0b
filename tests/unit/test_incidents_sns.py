"""Amazon SNS: signed by a key whose certificate lies at an address of its own, and nowhere else."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from sightline.errors import SignatureInvalidError
from sightline.incidents.signatures import Delivery
from sightline.incidents.sns import is_sns_address, verify_sns

pytestmark = pytest.mark.unit

TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
CERTIFICATE = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123abcd.pem"
SENT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate_of(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(SENT - timedelta(days=1))
        .not_valid_after(SENT + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


PEM = certificate_of(KEY)


def signed(version: str = "2", **changed: str) -> Delivery:
    message = {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": TOPIC,
        "Subject": "ALARM",
        "Message": "{}",
        "Timestamp": SENT.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }
    names = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
    text = "".join(f"{name}\n{message[name]}\n" for name in names).encode()
    digest = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303 - SNS's version 1
    signature = base64.b64encode(KEY.sign(text, padding.PKCS1v15(), digest)).decode()
    sent = {
        **message,
        "SignatureVersion": version,
        "Signature": signature,
        "SigningCertURL": CERTIFICATE,
        **changed,
    }
    return Delivery(json.dumps(sent).encode(), {}, SENT.timestamp() + 5)


def check(delivery: Delivery, *, topics: tuple[str, ...] = (TOPIC,)) -> None:
    verify_sns(delivery, topic_arns=topics, certificates=lambda _: PEM)


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_message_of_the_topic_is_let_in(version: str) -> None:
    check(signed(version))


@pytest.mark.parametrize(
    "changed",
    [
        {"Message": '{"NewStateValue": "OK"}'},
        {"TopicArn": "arn:aws:sns:eu-central-1:999999999999:theirs"},
        {"SignatureVersion": "3"},
        {"Signature": "not base64"},
        {"Timestamp": "yesterday"},
        {"Timestamp": "2026-11-20T10:00:00.000Z"},
        {"SigningCertURL": "https://sns.eu-central-1.amazonaws.com.evil.example/x.pem"},
    ],
)
def test_anything_changed_is_refused(changed: dict[str, str]) -> None:
    with pytest.raises(SignatureInvalidError):
        check(signed(**changed))


def test_a_topic_that_the_source_does_not_name_is_refused_however_well_it_signs() -> None:
    with pytest.raises(SignatureInvalidError):
        check(signed(), topics=("arn:aws:sns:eu-central-1:123456789012:other",))


@pytest.mark.parametrize(
    "address",
    [
        "http://sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com:8443/a.pem",
        "https://user@sns.eu-central-1.amazonaws.com/a.pem",
        "https://sns.eu-central-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.eu-central-1.amazonaws.com",
        "https://169.254.169.254/latest/meta-data",
        "https://sns.eu-central-1.amazonaws.com:port/a.pem",
        "file:///etc/passwd",
    ],
)
def test_nothing_is_fetched_from_anywhere_else(address: str) -> None:
    assert not is_sns_address(address)
    asked = []
    with pytest.raises(SignatureInvalidError):
        verify_sns(
            signed(SigningCertURL=address),
            topic_arns=(TOPIC,),
            certificates=lambda one: asked.append(one) or PEM,
        )
    assert asked == []
