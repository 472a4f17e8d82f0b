"""Our HTTP/1.1 served in a test's own loop, over an app that answers what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from gpu_endpoint.errors import SlowBodyError
from gpu_endpoint.protocol import Connection
from gpu_endpoint.server import event_loop

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
GET = b"GET /%s HTTP/1.1\r\nhost: h\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: %d\r\n\r\n"


class Hurried(asyncio.SelectorEventLoop):
    """A loop whose time a test puts forward."""

    ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self.ahead_s


class Echo:
    """Answers a request with what it was; some paths behave badly."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.may_read = asyncio.Event()
        self.seen: list[str] = []
        self.left: list[str] = []
        self.read = 0
        self.headers: dict[str, str] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self.answer(scope, receive, send)
        except SlowBodyError as error:
            await send({"type": "http.response.start", "status": error.status})
            await send({"type": "http.response.body"})

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        self.seen.append(path)
        self.headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if path == "/break":
            raise ArithmeticError("as told")
        if path == "/silent":
            return
        if path == "/wait":
            assert (await receive())["type"] == "http.request"
            left = (await receive())["type"]  # returns once the caller has gone
            self.left.append(left)
            return
        if path == "/late":
            await self.may_read.wait()
        body = b"" if path == "/hasty" else await self.whole(receive)
        await self.may_answer.wait()
        said = {name: scope[name] for name in ("method", "path", "http_version")}
        said |= {
            "caller": scope["client"][0],
            "query": scope["query_string"].decode(),
            "size": len(body),
            "last": body[-1:].decode(),
        }
        value = b"a\r\nset-cookie: b" if path == "/forged" else b"application/json"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", value)]})
        text = json.dumps(said).encode()
        await send({"type": "http.response.body", "body": text[:5], "more_body": True})
        await send({"type": "http.response.body", "body": text[5:]})

    async def whole(self, receive: Any) -> bytes:
        """All of a body."""
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            self.read += len(message["body"])
            body += message["body"]
            more = message["more_body"]
        return body


class Wire(asyncio.Transport):
    """Keeps what is written; reads come as often as a test says, in one turn of the loop too."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.written, self.is_open, self.is_read = b"", True, True

    def write(self, data: Any) -> None:
        assert self.is_open
        self.written += data

    def close(self) -> None:
        self.is_open = False

    def is_closing(self) -> bool:
        return not self.is_open

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True


class Served:
    """A server of the protocol, in this loop."""

    def __init__(self, app: Echo, config: uvicorn.Config, state: ServerState, port: int) -> None:
        self.app, self.config, self.state, self.port = app, config, state, port
        self._writers: list[asyncio.StreamWriter] = []
        self._wired: list[Connection] = []

    async def connect(self) -> Streams:
        streams = await asyncio.open_connection("127.0.0.1", self.port, limit=2**24)
        self._writers.append(streams[1])
        return streams

    def wired(self) -> tuple[Wire, Connection]:
        """A connection without a socket."""
        wire, connection = Wire(), Connection(self.config, self.state, {})
        connection.connection_made(wire)
        self._wired.append(connection)
        return wire, connection

    async def leave(self) -> None:
        for connection in self._wired:
            connection.connection_lost(None)
        for writer in self._writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def served(patience_s: int = 30) -> AsyncIterator[Served]:
    app, state = Echo(), ServerState()
    config = uvicorn.Config(app, log_config=None, timeout_keep_alive=patience_s)
    config.load()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(config, state, {}), "127.0.0.1", 0
    )
    there = Served(app, config, state, server.sockets[0].getsockname()[1])
    try:
        yield there
    finally:
        server.close()
        app.may_answer.set()
        app.may_read.set()
        await there.leave()
        while state.connections or state.tasks:
            await asyncio.sleep(0)
        await server.wait_closed()


def run(
    scenario: Callable[[Served], Awaitable[None]],
    patience_s: int = 30,
    loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> None:
    async def main() -> None:
        async with served(patience_s) as there:
            await asyncio.wait_for(scenario(there), 20)

    with asyncio.Runner(loop_factory=loop or event_loop()) as runner:
        runner.run(main())


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"]))


async def asked(streams: Streams, request: bytes) -> dict[str, Any]:
    streams[1].write(request)
    status, _, body = await answer(streams[0])
    assert status == 200
    said: dict[str, Any] = json.loads(body)
    return said


async def closed(reader: asyncio.StreamReader) -> bool:
    return await reader.read() == b""
