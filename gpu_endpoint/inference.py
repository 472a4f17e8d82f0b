"""What happens to a request: read, admitted, prepared, run with others, finished, answered."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from starlette.types import Receive, Scope, Send

from gpu_endpoint.answers import RESULTS, Answer, json_answer, problem_answer, vectors_answer
from gpu_endpoint.bodies import read_json, read_picture
from gpu_endpoint.errors import (
    ContentTypeError,
    EndpointError,
    ModelMismatchError,
    OverloadedError,
)
from gpu_endpoint.metrics import Metrics
from gpu_endpoint.models.ports import Pictures, Sheet
from gpu_endpoint.multipart import read_pictures
from gpu_endpoint.registry import Registry
from gpu_endpoint.residents import Lease
from gpu_endpoint.turns import Turns
from gpu_endpoint.visits import CallerGoneError, Patrol, Visit
from sightline.contracts.inference import (
    JPEG,
    JSON,
    MULTIPART,
    PNG,
    WEBP,
    ImageRequest,
    ModelPin,
    TextRequest,
)

log = logging.getLogger("gpu_endpoint")
Result = TypeVar("Result")

CALLER_GONE = 499  # nginx's number; nobody reads it
DECODERS = 2  # one sheet is decoded while the one before it is embedded
COUNT_AFTER_S = 0.005  # while the next batch runs, and nobody waits for this thread
SHORT = 2_000  # characters that are tokenised sooner than a thread would have begun
LARGE = 64 * 1024  # bytes of JSON that would keep the event loop from others
MIB = 1024 * 1024
TAKEN = (JSON, JPEG, PNG, WEBP, MULTIPART)
SERVER_TIMING = b"decode;dur=%.2f, wait;dur=%.2f, forward;dur=%.2f"


class Inference:
    """The ASGI app behind POST /invocations."""

    def __init__(self, registry: Registry, metrics: Metrics) -> None:
        self.registry = registry
        self.metrics = metrics
        self.in_hand = 0
        self.held_bytes = 0
        self._patrol = Patrol(registry.settings.endpoint_deadline_s)
        # Apart, so that a question's words never wait behind pictures.
        self._decoders = ThreadPoolExecutor(DECODERS, "decode")
        self._tokenisers = ThreadPoolExecutor(1, "tokenise")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, answered whatever happens."""
        visit = Visit(scope, receive)
        try:
            answer = await self._admitted(visit)
        except EndpointError as error:
            log.info("refused", extra={"fields": about(visit) | {"code": error.code, "status": error.status}})
            answer = problem_answer(visit.path, visit.request_id, error)
        except CallerGoneError:
            log.info("caller gone", extra={"fields": about(visit)})
            answer = Answer(CALLER_GONE, b"")
        except Exception:
            log.exception("failed", extra={"fields": about(visit)})
            answer = problem_answer(visit.path, visit.request_id, EndpointError())
        took_s = time.monotonic() - visit.began
        if self.metrics.answered(visit, answer.status, took_s):
            asyncio.get_running_loop().call_later(COUNT_AFTER_S, self.metrics.count)
        if self.registry.settings.endpoint_log_requests and answer.status == 200:
            log.info("answered", extra={"fields": about(visit) | rounded_ms(visit)})
        if answer.status != CALLER_GONE:
            answer.headers[b"x-request-id"] = visit.request_id.encode("latin-1")
            await answer.send(send)

    async def _admitted(self, visit: Visit) -> Answer:
        """Bounds how many requests and how many bytes are held at once. Raises: EndpointError."""
        if self.in_hand >= self.registry.settings.endpoint_max_requests:
            raise OverloadedError(f"{self.in_hand} requests are in hand, and no more are taken")
        self.in_hand += 1
        try:
            return await self._dispatch(visit)
        finally:
            self.in_hand -= 1
            self.held_bytes -= visit.held_bytes

    def _hold(self, size: int) -> None:
        """Room for a part of a body that has come. Raises: OverloadedError."""
        if self.held_bytes + size > self.registry.settings.endpoint_max_held_mb * MIB:
            raise OverloadedError(f"requests of {self.held_bytes} bytes are in hand, and no more are taken")
        self.held_bytes += size

    async def _dispatch(self, visit: Visit) -> Answer:
        kind = visit.media_type
        if kind not in TAKEN:
            raise ContentTypeError(f"send one of {', '.join(TAKEN)}")
        visit.listen_to_attributes()
        with visit.while_wanted(self._patrol):
            body = await visit.body(self._hold)
            if kind != JSON:
                return await self._picture(visit, kind, body)
            wanted = read_json(body) if len(body) < LARGE else await aside(self._decoders, read_json, body)
            if isinstance(wanted, ImageRequest):
                pictures = Pictures(wanted.images)
                return await self._images(visit, pictures, len(wanted.images), wanted)
            return await self._texts(visit, wanted)

    async def _texts(self, visit: Visit, wanted: TextRequest) -> Answer:
        """One result per text."""
        visit.task, texts = wanted.task, wanted.texts

        async def attempt(lease: Lease) -> Answer:
            hold_to(wanted, visit, lease)
            head, lane = lease.head, lease.lane
            began = time.monotonic()
            turns = Turns(self._tokenisers, head, texts)
            if head.vectors and sum(map(len, texts)) <= SHORT:
                items = head.prepare(texts)
            else:
                items = await turns.prepare(partial(lane.admit, deadline=visit.deadline))
            visit.decode_s = time.monotonic() - began
            rows = await lane.submit(items, deadline=visit.deadline, timing=visit.timing)
            if head.vectors:
                result = head.finish(texts, items, rows)
            else:
                result = await turns.finish(rows)
            lease.answered(texts, result)
            return answer_of(visit, lease, result)

        return await self.registry.answering(wanted.task, wanted, attempt)

    async def _picture(self, visit: Visit, kind: str, body: bytes) -> Answer:
        """The tiles of a contact sheet, one picture, or several."""
        visit.task = "embed_image"
        layout, pin = read_picture(visit.attributes)
        if layout is not None and kind != JPEG:
            raise ContentTypeError(f"a contact sheet is {JPEG}")
        if kind == MULTIPART:
            files = await aside(self._decoders, read_pictures, visit.header(b"content-type"), body)
            return await self._images(visit, Pictures(files), len(files), pin)
        if layout is None:
            return await self._images(visit, Pictures([body]), 1, pin)
        return await self._images(visit, Sheet(body, layout), layout.tiles, pin)

    async def _images(self, visit: Visit, payload: Sheet | Pictures, count: int, pin: ModelPin) -> Answer:
        """One vector per tile or picture, in order."""
        visit.task = "embed_image"

        async def attempt(lease: Lease) -> Answer:
            hold_to(pin, visit, lease)
            head, lane, deadline = lease.head, lease.lane, visit.deadline
            with lane.room(count, deadline=deadline):
                began = time.monotonic()
                items = await aside(self._decoders, head.prepare, payload)
                visit.decode_s = time.monotonic() - began
            rows = await lane.submit(items, deadline=deadline, admitted=True, timing=visit.timing)
            vectors = head.finish(payload, items, rows)
            lease.answered(payload, vectors)
            return answer_of(visit, lease, vectors)

        return await self.registry.answering("embed_image", pin, attempt)

    def close(self) -> None:
        """Frees the threads."""
        for executor in (self._decoders, self._tokenisers):
            executor.shutdown(cancel_futures=True)


def hold_to(pin: ModelPin, visit: Visit, lease: Lease) -> None:
    """Raises: ModelMismatchError, when the caller wants another precision or dimension."""
    visit.model = lease.header.model
    if differs := pin.differs(lease.header):
        raise ModelMismatchError(differs)


def answer_of(visit: Visit, lease: Lease, result: Any) -> Answer:
    """The result as the caller accepts it, with where the time went."""
    if lease.head.vectors:
        answer = vectors_answer(visit.header(b"accept"), lease, result)
    else:
        answer = json_answer(lease, RESULTS[lease.task], result)
    timing = visit.timing
    answer.headers[b"server-timing"] = SERVER_TIMING % (
        visit.decode_s * 1000,
        timing.wait_s * 1000,
        timing.forward_s * 1000,
    )
    return answer


def about(visit: Visit) -> dict[str, Any]:
    """What every line in the log says of a request; never what was in it."""
    took_ms = round((time.monotonic() - visit.began) * 1000, 1)
    return {"request_id": visit.request_id, "task": visit.task, "model": visit.model, "took_ms": took_ms}


def rounded_ms(visit: Visit) -> dict[str, float]:
    """The stages for the log."""
    return {f"{name}_ms": round(took_s * 1000, 1) for name, took_s in visit.stages_s.items()}


async def aside(executor: Executor, work: Callable[..., Result], *arguments: Any) -> Result:
    """Runs what needs the processor off the event loop."""
    return await asyncio.get_running_loop().run_in_executor(executor, work, *arguments)
