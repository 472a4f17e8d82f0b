"""Signatures, pauses and addresses of outgoing webhooks."""

import ipaddress
import json
from datetime import UTC, datetime
from itertools import pairwise
from random import Random

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from sightline.errors import ForbiddenAddressError
from sightline.outgoing import rules
from sightline.public_addresses import is_public

pytestmark = pytest.mark.unit

BODY = json.dumps({"type": "search.matched", "data": {"name": "Ö"}}, ensure_ascii=False).encode()


def signed(*secrets: str, body: bytes = BODY) -> dict[str, str]:
    now = int(datetime.now(UTC).timestamp())
    return rules.signed_headers(secrets, message_id="msg_1", timestamp=now, body=body)


def test_the_specification_s_own_library_verifies_what_is_signed() -> None:
    secret = rules.new_secret()
    assert Webhook(secret).verify(BODY, signed(secret)) == json.loads(BODY)


def test_either_secret_of_a_rotation_verifies_and_no_other() -> None:
    old, new, foreign = (rules.new_secret() for _ in range(3))
    headers = signed(new, old)
    assert len(headers["webhook-signature"].split()) == 2
    for secret in (old, new):
        Webhook(secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(foreign).verify(BODY, headers)


@pytest.mark.parametrize("change", ["body", "id", "time"])
def test_what_was_changed_on_the_way_does_not_verify(change: str) -> None:
    secret = rules.new_secret()
    headers, body = signed(secret), BODY
    if change == "body":
        body += b" "
    elif change == "id":
        headers["webhook-id"] = "msg_2"
    else:
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


def test_the_vector_of_the_specification() -> None:
    """Source: https://github.com/standard-webhooks/standard-webhooks, libraries' test vectors."""
    signature = rules.signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_secrets_are_long_random_and_named() -> None:
    secrets = {rules.new_secret() for _ in range(20)}
    assert len(secrets) == 20
    assert all(secret.startswith("whsec_") and len(secret) == 6 + 44 for secret in secrets)


def test_pauses_grow_over_a_day_and_end() -> None:
    random = Random(1)
    pauses = [rules.pause_s(tries, asked_s=None, random=random) for tries in range(1, 9)]
    assert pauses[-1] is None
    waits = [pause for pause in pauses if pause is not None]
    assert waits[0] < 6
    assert all(later > 0.8 * earlier for earlier, later in pairwise(waits))
    assert 24 * 3600 < sum(waits) < 31 * 3600


def test_a_receiver_may_ask_for_a_longer_pause_and_not_for_a_shorter_or_endless_one() -> None:
    random = Random(1)
    assert rules.pause_s(1, asked_s=120, random=random) == 120
    assert rules.pause_s(4, asked_s=1, random=random) > 6000  # type: ignore[operator]
    assert rules.pause_s(1, asked_s=1e9, random=random) == rules.LONGEST_PAUSE_S
    assert rules.pause_s(8, asked_s=5, random=random) is None


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "169.254.170.2", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1",
        "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::8.8.8.8", "2002:7f00:1::1",
        "2001::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1", "100::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_everybody_s_are_refused(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450::1"]
)
def test_addresses_of_the_internet_are_taken(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook", "ftp://example.com", "https://", "https:///hook", "//example.com",
        "https://user@example.com", "https://user:pw@example.com", "https://example.com/#part",
        "https://example.com:8443/", "https://example.com:22", "https://example.com:0", "https://example.com:x",
        "file:///etc/passwd", "javascript:alert(1)", "https://[::1", "gopher://example.com:443",
    ],
)  # fmt: skip
def test_addresses_of_another_form_are_refused(url: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        rules.check_form(url, loopback=False)


@pytest.mark.parametrize(
    "url", ["https://example.com", "https://example.com:443/a?b=c", "https://[2606:4700::1]/"]
)
def test_addresses_of_this_form_are_taken(url: str) -> None:
    rules.check_form(url, loopback=False)


def test_a_local_stage_takes_this_machine_on_any_port() -> None:
    rules.check_form("http://127.0.0.1:9000/hook", loopback=True)
    with pytest.raises(ForbiddenAddressError):
        rules.check_form("ftp://127.0.0.1:9000/hook", loopback=True)
