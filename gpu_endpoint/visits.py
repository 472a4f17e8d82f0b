"""One request on its way: what its headers say, how long it may take, and whether anybody still waits."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
import uuid
from collections.abc import Callable
from types import TracebackType

from starlette.types import Receive, Scope

from gpu_endpoint.bodies import read_call
from gpu_endpoint.errors import BodyTooLargeError, DeadlineError
from gpu_endpoint.tickets import Timing
from sightline.contracts.inference import ATTRIBUTES_HEADER, JSON, MAX_BODY_BYTES, Call

ATTRIBUTES = ATTRIBUTES_HEADER.lower().encode()
ID = re.compile(r"[A-Za-z0-9._:/=+-]{1,128}")
ID_HEADERS = (b"x-amzn-sagemaker-inference-id", b"x-request-id", b"traceparent", b"x-amzn-trace-id")
NOTHING_SAID = Call()
OURS, NUMBERS = uuid.uuid4().hex[:16], itertools.count()
PASSES_EVERY_S = 0.1  # most answers are out by then


class CallerGoneError(Exception):
    """Nobody waits for the answer any more."""


class Visit:
    """Headers are read once; `task` and `model` are filled in as they become known."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.began = time.monotonic()
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.attributes = self.header(ATTRIBUTES)
        self.media_type = self.header(b"content-type").partition(";")[0].strip().lower()
        self.task = self.model = ""
        self.body_is_here = False
        self.held_bytes = 0
        self.decode_s = 0.0
        self.timing = Timing()
        self.call = NOTHING_SAID
        self._receive = receive
        self._request_id = ""

    def header(self, name: bytes) -> str:
        """Its value, or nothing."""
        value = self.headers.get(name)
        return value.decode("latin-1") if value else ""

    def listen_to_attributes(self) -> None:
        """Raises: MalformedBodyError, InvalidFieldError."""
        if self.attributes:
            self.call = read_call(self.attributes, alone=self.media_type == JSON)

    @property
    def request_id(self) -> str:
        """The caller's own word for this request, wherever it stands, or one of ours."""
        if not self._request_id:
            self._request_id = self._named()
        return self._request_id

    def _named(self) -> str:
        if named := self.call.request_id or self.call.traceparent:
            return named
        for name in ID_HEADERS:
            if name in self.headers and ID.fullmatch(said := self.header(name)):
                return said
        return f"{OURS}{next(NUMBERS):016x}"

    @property
    def deadline(self) -> float | None:
        """In time.monotonic(); None when the caller names none."""
        return None if self.call.deadline_ms is None else self.began + self.call.deadline_ms / 1000

    @property
    def stages_s(self) -> dict[str, float]:
        """Where the time went, once answered."""
        return {"decode": self.decode_s, "wait": self.timing.wait_s, "forward": self.timing.forward_s}

    def patience_s(self, most_s: float) -> float:
        """How long its caller waits for the answer."""
        return most_s if self.call.deadline_ms is None else min(most_s, self.call.deadline_ms / 1000)

    async def body(self, hold: Callable[[int], None]) -> bytes:
        """All of it, never holding more than the limit; `hold` is asked for room for each part.

        Raises: BodyTooLargeError, CallerGoneError, SlowBodyError; what `hold` does.
        """
        length = self.headers.get(b"content-length")
        if length is not None and length.isdigit() and int(length) > MAX_BODY_BYTES:
            raise too_large()
        parts = []
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise CallerGoneError
            part: bytes = message.get("body", b"")
            parts.append(part)
            hold(len(part))
            self.held_bytes += len(part)
            if self.held_bytes > MAX_BODY_BYTES:
                raise too_large()
            if not message.get("more_body", False):
                self.body_is_here = True
                return part if len(parts) == 1 else b"".join(parts)

    def while_wanted(self, patrol: Patrol) -> WhileWanted:
        """Cancels the block once its caller has gone or waits no longer, so that work leaves the queue."""
        return WhileWanted(self, self._receive, patrol)


def too_large() -> BodyTooLargeError:
    """What a larger body is refused with."""
    return BodyTooLargeError(f"a body may have {MAX_BODY_BYTES} bytes")


class WhileWanted:
    """Raises: CallerGoneError, DeadlineError, where nobody waited for the block's end."""

    def __init__(self, visit: Visit, receive: Receive, patrol: Patrol) -> None:
        self._visit = visit
        self._receive = receive
        self._patrol = patrol
        self._listener: asyncio.Task[None] | None = None
        self._seen = False
        self._ended: Exception | None = None

    def __enter__(self) -> None:
        self._work = asyncio.current_task()
        self._patrol.add(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._patrol.remove(self)
        if self._listener:
            self._listener.cancel()
        if self._ended is not None and isinstance(error, asyncio.CancelledError):
            raise self._ended from None

    def passed(self, now: float, most_s: float) -> None:
        """The patrol came by; by the second time the answer takes long enough to be listened for."""
        visit = self._visit
        patience_s = visit.patience_s(most_s)
        if now - visit.began > patience_s and not visit.timing.in_lane:
            self._end(DeadlineError(f"no answer in {patience_s:g} s"))
        elif self._seen and self._listener is None and visit.body_is_here:
            self._listener = asyncio.ensure_future(self._listen())
        self._seen = True

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._end(CallerGoneError())

    def _end(self, reason: Exception) -> None:
        if self._ended is None and self._work:
            self._ended = reason
            self._work.cancel()


class Patrol:
    """Passes by all that wait, every so often: one timer for all, where one each would cost every request.

    `most_s`: nobody waits for longer.
    """

    def __init__(self, most_s: float) -> None:
        self._most_s = most_s
        self._waiting: set[WhileWanted] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, waiting: WhileWanted) -> None:
        """From now on."""
        self._waiting.add(waiting)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PASSES_EVERY_S, self._pass)

    def remove(self, waiting: WhileWanted) -> None:
        """It is answered."""
        self._waiting.discard(waiting)

    def _pass(self) -> None:
        self._timer = None
        now = time.monotonic()
        for waiting in self._waiting:
            waiting.passed(now, self._most_s)
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(PASSES_EVERY_S, self._pass)
