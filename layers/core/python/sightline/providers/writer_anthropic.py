"""A writer by Anthropic's Messages API: https://docs.anthropic.com/en/api/messages.

One request over TLS to one address: no redirect is followed, no proxy asked, and neither the key nor what was
written is ever part of an error.
"""

import http.client
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from sightline.errors import WriterUnavailableError
from sightline.providers.writer_model import MAX_TOKENS, READ_S, BusyError, ModelWriter

ADDRESS = "https://api.anthropic.com"
VERSION = "2023-06-01"
MAX_ANSWER_BYTES = 1_000_000
CHUNK_BYTES = 65_536
LONGEST_PAUSE_S = 8.0
"""Of what Retry-After may ask for: beyond, the spare writer is the better answer."""


@dataclass(frozen=True, slots=True)
class AnthropicCalls:
    """POST /v1/messages. key: asked for each time, for it may be rotated."""

    model: str
    key: Callable[[], str]
    address: str = ADDRESS
    read_s: float = READ_S

    def ask(self, system: str, user: str) -> str:
        """The model's text. Raises: BusyError, WriterUnavailableError."""
        body = {
            "model": self.model,
            "max_tokens": MAX_TOKENS,
            "system": system,
            "messages": [{"role": "user", "content": user}],
        }
        status, retry_after, answer = self._posted(json.dumps(body).encode(), self._key())
        if status == 429 or status >= 500:  # 529: overloaded
            raise BusyError(f"Anthropic answered {status}", pause_s=_pause_s(retry_after))
        if status != 200:
            raise WriterUnavailableError(f"Anthropic answered {status}")
        return _text(answer)

    def _key(self) -> str:
        try:
            return self.key()
        except (BotoCoreError, ClientError, KeyError, ValueError) as error:
            raise WriterUnavailableError("The writer's key cannot be read.") from error

    def _posted(self, body: bytes, key: str) -> tuple[int, str | None, bytes]:
        headers = {"content-type": "application/json", "x-api-key": key, "anthropic-version": VERSION}
        until = time.monotonic() + self.read_s
        connection = self._connection()
        try:
            try:
                connection.connect()
            except OSError as error:
                raise BusyError("Anthropic cannot be reached") from error
            connection.request("POST", "/v1/messages", body=body, headers=headers)
            response = connection.getresponse()
            return response.status, response.headers.get("retry-after"), _read(response, until)
        except (OSError, http.client.HTTPException) as error:
            # It may have been written, and paid for: not asked again.
            raise WriterUnavailableError(f"Anthropic: {type(error).__name__}") from error
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.address)
        if parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(
                parts.hostname or "", parts.port, timeout=self.read_s, context=context
            )
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=self.read_s)


def anthropic_writer(calls: AnthropicCalls, *, pause: Callable[[float], None] = time.sleep) -> ModelWriter:
    """By the model's name."""
    return ModelWriter(f"anthropic/{calls.model}", calls.ask, pause=pause)


def _read(response: http.client.HTTPResponse, until: float) -> bytes:
    """All of it, in time and within bounds; the socket's own time-out begins anew with each byte."""
    read = b""
    while chunk := response.read1(CHUNK_BYTES):
        read += chunk
        if len(read) > MAX_ANSWER_BYTES or time.monotonic() > until:
            raise TimeoutError
    return read


def _text(answer: bytes) -> str:
    """What the model says at the end, without what it thought before."""
    try:
        blocks: Any = json.loads(answer)["content"]
        return "".join(block["text"] for block in blocks if block["type"] == "text")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WriterUnavailableError("Anthropic's answer holds no message.") from error


def _pause_s(retry_after: str | None) -> float:
    try:
        return min(LONGEST_PAUSE_S, max(0.0, float(retry_after or 0)))
    except ValueError:
        return 0.0
