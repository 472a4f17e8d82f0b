"""Mail through SES: what is sent, once, and what each refusal means."""

import json
from typing import Any
from urllib.request import urlopen

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.stub import ANY, Stubber

from sightline.ports.outgoing import Mail
from sightline.providers.ses import SesMailer
from tests.emulator_process import EmulatorProcess

pytestmark = pytest.mark.contract

MAIL = Mail(("a@example.com",), "INC-1 Straße", "text", "<p>html</p>", "m-1")


def test_a_letter_arrives_whole(seamed_emulator: EmulatorProcess) -> None:
    client = boto3.client("sesv2", endpoint_url=seamed_emulator.url)
    mailer = SesMailer("sightline@example.com", client)
    assert mailer.send(MAIL).error == "SES said MessageRejected.", "nobody has verified the address"
    client.create_email_identity(EmailIdentity="sightline@example.com")
    assert (mailer.send(MAIL).status, mailer.send(MAIL).error) == (200, None)
    with urlopen(f"{seamed_emulator.url}/_ministack/ses/messages", timeout=10) as answer:  # noqa: S310 - here
        kept = json.dumps(json.load(answer), ensure_ascii=False)
    assert "INC-1 Straße" in kept
    assert "a@example.com" in kept


def refusing(code: str, status: int) -> tuple[SesMailer, Stubber]:
    client = boto3.client("sesv2", config=Config(retries={"total_max_attempts": 1}))
    stub = Stubber(client)
    stub.add_client_error("send_email", code, "no", status, expected_params=ANY_PARAMS)
    return SesMailer("sightline@example.com", client), stub


ANY_PARAMS = {"FromEmailAddress": ANY, "Destination": ANY, "Content": ANY}


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("TooManyRequestsException", 429, 429),
        ("LimitExceededException", 400, 429),
        ("SendingPausedException", 400, 429),
        ("MessageRejected", 400, 400),
        ("InternalFailure", 500, 500),
    ],
)
def test_a_refusal_is_for_now_or_for_good(code: str, status: int, expected: int) -> None:
    mailer, stub = refusing(code, status)
    with stub:
        posted = mailer.send(MAIL)
    assert (posted.status, posted.error) == (expected, f"SES said {code}.")


class Away:
    """A client whose connection fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def send_email(self, **_request: Any) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "begun"),
    [(ConnectTimeoutError(endpoint_url="x"), False), (ReadTimeoutError(endpoint_url="x"), True)],
)
def test_what_may_have_arrived_is_told_from_what_has_not(error: Exception, begun: bool) -> None:
    posted = SesMailer("sightline@example.com", Away(error)).send(MAIL)
    assert (posted.status, posted.begun) == (None, begun)
    assert type(error).__name__ in str(posted.error)
