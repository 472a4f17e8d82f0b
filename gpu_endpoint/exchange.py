"""One HTTP request and its answer, as an ASGI app sees them."""

from __future__ import annotations

import asyncio
import http
import logging
from collections.abc import Iterable
from typing import Any, Protocol
from urllib.parse import unquote

import httptools
from starlette.types import ASGIApp, Message, Scope

from gpu_endpoint.errors import SlowBodyError

log = logging.getLogger("gpu_endpoint")

STATUS_LINES: dict[int, bytes] = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode("latin-1")
    for status in http.HTTPStatus
}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
FAILED = b"Internal Server Error"
SLOWEST = 128 * 1024  # bytes of a body a second: the 6 MiB that one may have come in 48 s

Headers = Iterable[tuple[bytes, bytes]]


class Line(Protocol):
    """The caller's end, as an exchange sees it."""

    loop: asyncio.AbstractEventLoop
    gone: bool
    drained: asyncio.Future[None] | None

    def say(self, data: bytes) -> None: ...
    def read_on(self) -> None: ...
    def answer(self, exchange: Exchange, status: int, headers: Headers, body: bytes) -> None: ...
    def ended(self, exchange: Exchange) -> None: ...


class Exchange:
    """One request and its answer, as an ASGI app sees them."""

    def __init__(self, line: Line, scope: Scope, *, keep_alive: bool) -> None:
        self.scope = scope
        self._read = False
        self.keep_alive = keep_alive
        self.answered = self.complete = self.late = False
        self.task: asyncio.Task[None] | None = None
        self._line = line
        self._told_to_go_on = False
        self._size = 0
        self._awaited_at = 0.0
        self._body = bytearray()
        self._news: asyncio.Future[None] | None = None
        self._head: Message | None = None
        self._parts: list[bytes] = []

    async def run(self, app: ASGIApp) -> None:
        """The app's work; whatever it leaves open is ended here."""
        try:
            await app(self.scope, self.receive, self.send)
        except Exception:
            log.exception("failed")
        except asyncio.CancelledError:
            self.keep_alive = False
        finally:
            self._line.ended(self)
            if not self.answered and not self._line.gone:
                self.keep_alive = False
                self._line.answer(self, 500, [], FAILED)

    async def receive(self) -> Message:
        """What has come of the body; after that it waits until the caller is answered, or gone.

        Raises: SlowBodyError.
        """
        line = self._line
        while True:
            if line.gone or self.answered:
                return {"type": "http.disconnect"}
            if self.late:
                raise SlowBodyError
            if self._body or (self.complete and not self._read):
                self._read = self.complete
                body, self._body = bytes(self._body), bytearray()
                line.read_on()
                return {"type": "http.request", "body": body, "more_body": not self.complete}
            if not (self.complete or self._told_to_go_on):
                self._told_to_go_on = True
                if expects_to_be_told(self.scope):
                    line.say(CONTINUE)
            self._news = line.loop.create_future()
            await self._news

    async def send(self, message: Message) -> None:
        """Gathers the answer and writes it with its last part."""
        if message["type"] == "http.response.start":
            self._head = message
            return
        self._parts.append(message.get("body", b""))
        if not message.get("more_body", False) and self._head is not None and not self.answered:
            if (drained := self._line.drained) is not None:
                await drained  # the caller reads more slowly than it is answered
            self._line.answer(
                self, self._head["status"], self._head.get("headers", ()), b"".join(self._parts)
            )

    def take(self, part: bytes) -> int:
        """More of the body; answers how much of it waits to be read."""
        if self.answered:
            return 0  # refused before it was read: what still comes is for nobody
        self._body += part
        self._size += len(part)
        self.tell()
        return len(self._body)

    def kept_up_until(self, now: float) -> float:
        """When even the slowest body would have come so far; counted from when somebody first asked."""
        if not self._awaited_at:
            self._awaited_at = now
        return self._awaited_at + self._size / SLOWEST

    def give_up(self) -> None:
        """The rest of the body is waited for no longer."""
        self.late, self.keep_alive = True, False
        self.tell()

    def tell(self) -> None:
        """Wakes whoever waits in `receive`."""
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


def expects_to_be_told(scope: Scope) -> bool:
    """Whether the caller sends its body only when told to. Source: RFC 9110, 10.1.1."""
    return scope["http_version"] != "1.0" and any(
        name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"]
    )


def scope_of(
    url: bytes, method: bytes, version: str, headers: list[tuple[bytes, bytes]], caller: Any
) -> Scope:
    """What ASGI says of a request. Raises: HttpParserError, UnicodeDecodeError."""
    query = b""
    raw_path = url
    if not url.startswith(b"/") or b"?" in url or b"#" in url:
        parts = httptools.parse_url(url)
        raw_path, query = parts.path or b"/", parts.query or b""
    path = raw_path.decode("ascii")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": version,
        "scheme": "http",
        "client": caller,
        "method": method.decode("ascii"),
        "root_path": "",
        "path": unquote(path) if "%" in path else path,
        "raw_path": raw_path,
        "query_string": query,
        "headers": headers,
    }


def written_answer(exchange: Exchange, status: int, headers: Headers, body: bytes) -> bytes:
    """The answer's bytes. Raises: ValueError, for a header with a line break in it."""
    lines = [b"%s: %s\r\n" % header for header in headers]
    head = b"".join(lines)
    if head.count(b"\n") != len(lines):
        raise ValueError("a header holds a line break")
    if b"content-length:" not in head:
        head += b"content-length: %d\r\n" % len(body)
    if not exchange.keep_alive:
        head += b"connection: close\r\n"
    if exchange.scope["method"] == "HEAD":
        body = b""
    return b"%s%s\r\n%s" % (STATUS_LINES[status], head, body)
