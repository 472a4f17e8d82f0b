"""Each sender's own scheme, with the examples its documentation gives where it gives one."""

import base64
import hashlib
import hmac

import pytest

from sightline.errors import SignatureInvalidError
from sightline.incidents.signatures import REPLAY_WINDOW_S, Credentials, Delivery, verify

pytestmark = pytest.mark.unit

NOW_S = 1_795_176_000.0
BODY = b'{"hello": "world"}'


def hexed(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def trust(scheme: str, headers: dict[str, str], *secrets: str, body: bytes = BODY, **more: object) -> str:
    delivery = Delivery(body, headers, NOW_S, query=more.pop("query", {}))  # type: ignore[arg-type]
    allow = bool(more.pop("allow_unsigned", False))
    credentials = Credentials(secrets, **more)  # type: ignore[arg-type]
    return verify(scheme, delivery, credentials, allow_unsigned=allow)


def test_the_example_of_github() -> None:
    """Source: docs.github.com, "Validating webhook deliveries", "Testing the webhook payload validation"."""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    secret = "It's a Secret to Everybody"
    assert trust("github", {"x-hub-signature-256": signature}, secret, body=b"Hello, World!") == "signed"


def test_the_example_of_standard_webhooks() -> None:
    """Source: the secret and message of the specification's own Python tests, at our time."""
    secret, body = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    stamp, name = str(int(NOW_S)), "msg_p5jXN8AQM9LWM0D4loKWxJek"
    digest = hmac.new(base64.b64decode(secret), f"{name}.{stamp}.".encode() + body, hashlib.sha256).digest()
    theirs, ours = (base64.b64encode(one).decode() for one in (b"of another secret", digest))
    headers = {
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{theirs} v1,{ours}",
    }
    assert trust("standard", headers, secret, body=body) == "signed"
    assert trust("standard", headers, "whsec_" + secret, body=body) == "signed"
    with pytest.raises(SignatureInvalidError):
        trust("standard", headers, secret, body=body + b" ")


@pytest.mark.parametrize("stamp", [NOW_S - 301, NOW_S + 301, "nan", "yesterday"])
def test_a_time_outside_the_window_is_a_replay(stamp: object) -> None:
    secret = base64.b64encode(b"0123456789abcdef").decode()
    digest = hmac.new(b"0123456789abcdef", f"m.{stamp}.".encode() + BODY, hashlib.sha256).digest()
    headers = {
        "webhook-id": "m",
        "webhook-timestamp": str(stamp),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
    with pytest.raises(SignatureInvalidError):
        trust("standard", headers, secret)


@pytest.mark.parametrize(
    ("scheme", "header", "prefix"),
    [
        ("sentry", "sentry-hook-signature", ""),
        ("sentry", "sentry-app-signature", ""),
        ("pagerduty", "x-pagerduty-signature", "v1="),
        ("github", "x-hub-signature-256", "sha256="),
        ("grafana", "x-grafana-alerting-signature", ""),
    ],
)
def test_a_signature_of_either_live_secret_is_good_and_of_no_other(
    scheme: str, header: str, prefix: str
) -> None:
    for secret in ("new-secret", "old-secret"):
        good = prefix + hexed(secret, BODY)
        assert trust(scheme, {header: good}, "new-secret", "old-secret") == "signed"
        with pytest.raises(SignatureInvalidError):
            trust(scheme, {header: good}, "another-secret")
    for wrong in ({}, {header: ""}, {header: prefix + "0" * 64}, {header: "ü"}):
        with pytest.raises(SignatureInvalidError):
            trust(scheme, wrong, "new-secret")


def test_pagerduty_signs_with_each_of_its_secrets_while_it_rotates_them() -> None:
    both = f"v1={hexed('theirs-old', BODY)},v1={hexed('ours', BODY)}"
    assert trust("pagerduty", {"x-pagerduty-signature": both}, "ours") == "signed"


def test_grafana_signs_its_time_where_it_sends_one() -> None:
    stamp = str(int(NOW_S) - 10)
    headers = {
        "x-grafana-time": stamp,
        "x-grafana-alerting-signature": hexed("secret", stamp.encode() + b":" + BODY),
    }
    assert trust("grafana", headers, "secret", timestamp_header="X-Grafana-Time") == "signed"
    with pytest.raises(SignatureInvalidError):
        trust("grafana", headers, "secret")


@pytest.mark.parametrize("off_s", [-301, -300, 300, 301])
def test_the_replay_window_is_as_wide_for_a_clock_ahead_as_for_one_behind(off_s: int) -> None:
    stamp, secret = str(int(NOW_S) + off_s), "c2VjcmV0"
    signed = b"id." + stamp.encode() + b"." + BODY
    digest = base64.b64encode(hmac.new(b"secret", signed, hashlib.sha256).digest()).decode()
    standard = {"webhook-id": "id", "webhook-timestamp": stamp, "webhook-signature": f"v1,{digest}"}
    grafana = {
        "x-grafana-time": stamp,
        "x-grafana-alerting-signature": hexed("secret", stamp.encode() + b":" + BODY),
    }
    if abs(off_s) <= REPLAY_WINDOW_S:
        assert trust("standard", standard, secret) == "signed"
        assert trust("grafana", grafana, "secret", timestamp_header="X-Grafana-Time") == "signed"
        return
    with pytest.raises(SignatureInvalidError, match="300 s from now"):
        trust("standard", standard, secret)
    with pytest.raises(SignatureInvalidError, match="300 s from now"):
        trust("grafana", grafana, "secret", timestamp_header="X-Grafana-Time")


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"x-sightline-secret": "the-secret"}, {}),
        ({"authorization": "Bearer the-secret"}, {}),
        ({"authorization": "Basic " + base64.b64encode(b"anyone:the-secret").decode()}, {}),
        ({}, {"secret": "the-secret"}),
    ],
)
def test_senders_that_sign_nothing_share_a_secret(headers: dict[str, str], query: dict[str, str]) -> None:
    assert trust("shared_secret", headers, "the-secret", query=query) == "shared_secret"
    with pytest.raises(SignatureInvalidError):
        trust("shared_secret", headers, "other-secret", query=query)


def test_without_a_secret_a_source_refuses_unless_it_allows_it() -> None:
    with pytest.raises(SignatureInvalidError):
        trust("shared_secret", {})
    assert trust("shared_secret", {}, allow_unsigned=True) == "none"


def test_no_message_of_a_refusal_repeats_what_was_sent_or_a_secret() -> None:
    with pytest.raises(SignatureInvalidError) as refused:
        trust("sentry", {"sentry-hook-signature": "what-was-sent"}, "a-live-secret")
    assert "what-was-sent" not in refused.value.detail
    assert "a-live-secret" not in refused.value.detail
