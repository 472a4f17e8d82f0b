"""Calls to AWS without boto3, whose import and clients cost a cold start 0.2 s and more.

For the webhook function alone, which must answer within a second of having slept.
"""

import http.client
import json
import os
import ssl
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sightline.providers.sigv4 import Signer

TIMEOUT_S = 3.0
TRIES = 3
"""A kept connection may have been closed while we slept; and AWS asks callers to try again after a 5xx."""


class AwsCallError(Exception):
    """AWS did not do what was asked; code is its own name for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SignedCalls:
    """One service's address, with a connection that is kept."""

    def __init__(self, service: str, *, region: str | None = None) -> None:
        self._service = service
        self._region = region or os.environ["AWS_REGION"]
        self._address = urlsplit(_endpoint(service, self._region))
        self._connection: http.client.HTTPConnection | None = None

    def json(self, target: str, payload: dict[str, Any], *, version: str = "1.0") -> dict[str, Any]:
        """One call of the JSON protocol. Raises: AwsCallError, OSError."""
        headers = {"content-type": f"application/x-amz-json-{version}", "x-amz-target": target}
        answer: dict[str, Any] = json.loads(
            self.send("POST", "/", json.dumps(payload).encode(), headers) or b"{}"
        )
        return answer

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        """The answer's body. Raises: AwsCallError for a refusal, OSError when AWS cannot be reached."""
        for left in reversed(range(TRIES)):
            try:
                status, answer = self._once(method, path, body, headers)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if not left:
                    raise OSError(f"{self._service} cannot be reached") from error
                continue
            if status < 500 or not left:
                break
        if status >= 300:
            raise AwsCallError(_code(answer) or f"HTTP {status}")
        return answer

    def close(self) -> None:
        """Ends the connection; the next call makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _once(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        # Read each time: a Lambda's credentials change while it lives.
        environment = os.environ
        signer = Signer(
            environment["AWS_ACCESS_KEY_ID"],
            environment["AWS_SECRET_ACCESS_KEY"],
            environment.get("AWS_SESSION_TOKEN"),
            self._service,
            self._region,
        )
        signed = signer.headers(method, self._address.netloc, path, body, headers, datetime.now(UTC))
        connection = self._connected()
        connection.request(method, path, body=body, headers=signed)
        response = connection.getresponse()
        return response.status, response.read()

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            host, port = self._address.hostname or "", self._address.port
            if self._address.scheme == "https":
                context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
                self._connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
            else:
                self._connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        return self._connection


def _endpoint(service: str, region: str) -> str:
    """As the SDKs choose it. Source: docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html."""
    own = os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or os.environ.get("AWS_ENDPOINT_URL")
    return (own or f"https://{service}.{region}.amazonaws.com").rstrip("/")


def _code(answer: bytes) -> str:
    """AWS's name for an error, never its message: that may repeat what was sent."""
    try:
        return str(json.loads(answer)["__type"]).rpartition("#")[2]
    except (ValueError, KeyError, TypeError):
        return ""
