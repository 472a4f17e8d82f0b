"""Mail through Amazon SES (API v2). One attempt is one: SES has no key by which it could tell a repeat."""

import time
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from sightline.ports.outgoing import Mail, Posted

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5, 10
# Refused for now. Source: docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
PASSING = frozenset({"TooManyRequestsException", "LimitExceededException", "SendingPausedException"})
TOO_MANY = 429


class SesMailer:
    """From one verified address."""

    def __init__(self, sender: str, client: Any = None) -> None:
        self._sender = sender
        once = Config(
            retries={"total_max_attempts": 1}, connect_timeout=CONNECT_TIMEOUT_S, read_timeout=READ_TIMEOUT_S
        )
        self._ses = client or boto3.client("sesv2", config=once)

    def send(self, mail: Mail) -> Posted:
        began = time.monotonic()
        status, error, begun = self._send(mail)
        return Posted(status, error, None, int((time.monotonic() - began) * 1000), begun=begun)

    def _send(self, mail: Mail) -> tuple[int | None, str | None, bool]:
        """The answer's status, why there is none, and whether it may have been taken."""
        try:
            self._ses.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": list(mail.to)},
                Content={
                    "Simple": {
                        "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": mail.text, "Charset": "UTF-8"},
                            "Html": {"Data": mail.html, "Charset": "UTF-8"},
                        },
                        # Not Message-ID, which SES makes: this is what keeps a conversation together.
                        "Headers": [{"Name": "References", "Value": f"<{mail.conversation}@sightline>"}],
                    }
                },
            )
        except ClientError as refused:
            code = refused.response["Error"]["Code"]
            status = int(refused.response["ResponseMetadata"].get("HTTPStatusCode") or 500)
            return TOO_MANY if code in PASSING else status, f"SES said {code}.", True
        except (ConnectTimeoutError, EndpointConnectionError) as away:
            return None, f"No answer: {type(away).__name__}.", False
        except BotoCoreError as broken:
            return None, f"No answer: {type(broken).__name__}.", True
        return 200, None, True
