"""HTTP/1.1 as this app needs it: a request begins once all bytes at hand are read, its answer is one write.

Stands in for uvicorn's own protocol, whose place in uvicorn's server it takes. That one serves any app; what
it does for the others (a timer, an event and two writes a request) the model's next batch would wait for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, cast

import httptools
from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.server import ServerState

from gpu_endpoint.errors import SlowBodyError
from gpu_endpoint.exchange import Exchange, Headers, scope_of, written_answer
from gpu_endpoint.refusals import HEAD_BYTES, LongHeadError, TooFarAheadError, written_refusal

HELD_BYTES = 64 * 1024  # of a body that nobody has read yet; the sender waits when there are more
AHEAD = 100  # requests of one caller in hand; in one piece there is room for ten thousand


class Connection(asyncio.Protocol):
    """One caller's connection; requests that come before an answer wait their turn."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        del app_state  # the lifespan keeps none
        self.app = cast("ASGIApp", config.loaded_app)
        self.loop = _loop or asyncio.get_running_loop()
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)
        self.gone = self._over = False
        self._caller: Any = None
        self._state = server_state
        self._patience_s = config.timeout_keep_alive
        self._exchanges: deque[Exchange] = deque()
        self._coming: Exchange | None = None
        self.drained: asyncio.Future[None] | None = None
        self._paused = False
        self._idle_since = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._unread_bytes = 0  # since a request began, or the last of its body: of an endless line, too

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A caller is here."""
        self.transport = cast("asyncio.Transport", transport)
        self._caller = transport.get_extra_info("peername")
        self._state.connections.add(cast("Any", self))
        self._rest()

    def connection_lost(self, _: Exception | None) -> None:
        """Nobody waits for what is under way."""
        self.gone = self._over = True
        self._state.connections.discard(cast("Any", self))
        if self._alarm is not None:
            self._alarm.cancel()
        for exchange in self._exchanges:
            exchange.tell()
        self.resume_writing()
        self._parser = None  # it holds us, and we hold it

    def data_received(self, data: bytes) -> None:
        """Reads all of it before anything is begun."""
        if self._over:
            return
        self._unread_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._exchanges:
                self._exchanges[-1].keep_alive = False  # answered as plain HTTP/1.1, which is allowed
        except httptools.HttpParserError as error:
            self._refuse(error)
            return
        if self._unread_bytes > HEAD_BYTES:
            self._refuse(LongHeadError())
            return
        if self._coming is not None:
            self._rest()  # the rest of its body is to come
        self._begin()

    def pause_writing(self) -> None:
        """The caller reads more slowly than it is answered."""
        self.drained = self.loop.create_future()

    def resume_writing(self) -> None:
        """It has caught up, or gone."""
        if self.drained is not None and not self.drained.done():
            self.drained.set_result(None)
        self.drained = None

    def shutdown(self) -> None:
        """What uvicorn's server calls at the end: answers what is under way, then closes."""
        for exchange in self._exchanges:
            exchange.keep_alive = False
        if not self._exchanges:
            self._close()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """A request follows."""
        self._url, self._headers = b"", []
        self._head_bytes = self._unread_bytes = 0

    def on_url(self, url: bytes) -> None:
        """The target, or a part of it."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; what comes after the body is left out."""
        if self._coming is None:
            self._headers.append((name.lower(), value))
            self._head_bytes += len(name) + len(value)

    def on_headers_complete(self) -> None:
        """The request is known, its body may be under way. Raises: LongHeadError, TooFarAheadError."""
        if self._head_bytes + len(self._url) > HEAD_BYTES:
            raise LongHeadError
        parser = self._parser
        version = parser.get_http_version()
        self._coming = Exchange(
            self,
            scope_of(self._url, parser.get_method(), version, self._headers, self._caller),
            keep_alive=version != "1.0" and parser.should_keep_alive(),
        )
        self._exchanges.append(self._coming)
        if (in_hand := len(self._exchanges)) > 1:
            self._pause()
            if in_hand > AHEAD:
                raise TooFarAheadError

    def on_body(self, part: bytes) -> None:
        """A part of the body."""
        self._unread_bytes = 0
        if self._coming is not None and self._coming.take(part) > HELD_BYTES:
            self._pause()

    def on_message_complete(self) -> None:
        """All of the request is here."""
        if self._coming is not None:
            self._coming.complete = True
            self._coming.tell()
        self._coming = None

    # What an exchange calls.

    def say(self, data: bytes) -> None:
        """Once all that is ready in this turn of the loop is done: so 32 answers are prepared, then written.

        Written each as it is ready, they would wake the callers' core 32 times. Source: docs/decisions/0011.
        """
        self.loop.call_soon(self._write, data)

    def read_on(self) -> None:
        """There is room for more, unless another request is here already."""
        if self._paused and not self._over and len(self._exchanges) < 2:
            self._paused = False
            self.transport.resume_reading()
            self._rest()

    def ended(self, exchange: Exchange) -> None:
        """The app is done with it."""
        if exchange.task is not None:
            self._state.tasks.discard(exchange.task)

    def answer(self, exchange: Exchange, status: int, headers: Headers, body: bytes) -> None:
        """Writes the whole answer and turns to the next request."""
        written = written_answer(exchange, status, headers, body)
        exchange.answered = True
        exchange.tell()
        if not self.gone:
            self.say(written)
            if not exchange.keep_alive:
                self._close()
        self._exchanges.remove(exchange)
        self._state.total_requests += 1
        self.read_on()
        self._begin()
        self._rest()

    def _begin(self) -> None:
        if self._exchanges and (first := self._exchanges[0]).task is None and not self._over:
            first.task = self.loop.create_task(first.run(self.app))
            self._state.tasks.add(first.task)

    def _write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    def _close(self) -> None:
        """After what was said; what still comes is for nobody."""
        self._over = True
        self.loop.call_soon(self.transport.close)

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self.transport.pause_reading()

    def _refuse(self, error: Exception) -> None:
        """Whatever this is, it cannot be read on."""
        cut, self._coming = self._coming, None
        if cut is not None and cut.answered:  # before all of it was here
            self._close()
            return
        if cut is not None:  # its end never comes: nobody is to wait for it
            self._exchanges.remove(cut)
            cut.answered = True
            cut.tell()
        if self._exchanges:
            self.shutdown()
            self._begin()  # what came before it, perhaps in the same piece
            return
        self.say(written_refusal(error))
        self._close()

    def _give_up(self, coming: Exchange) -> None:
        """The rest of its body is waited for no longer."""
        if coming.answered or coming.task is None:
            self._refuse(SlowBodyError())
        else:
            self._over = True
            coming.give_up()

    def _rest(self) -> None:
        """Nothing is here to do. One timer runs all along: starting one for every request would cost more."""
        self._idle_since = self.loop.time()
        if self._alarm is None:
            self._alarm = self.loop.call_later(self._patience_s, self._look)

    def _look(self) -> None:
        self._alarm = None
        now = self.loop.time()
        coming = None if self._paused else self._coming  # of whose body we would read more
        if self.gone or (self._exchanges and coming is None):
            return
        since = self._idle_since
        if coming is not None and coming.task is not None:
            since = min(since, coming.kept_up_until(now))
        left_s = since + self._patience_s - now
        if left_s > 0:
            self._alarm = self.loop.call_later(left_s, self._look)
        elif coming is not None:
            self._give_up(coming)
        else:
            self._close()
