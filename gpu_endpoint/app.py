"""The container's HTTP face: GET /ping, POST /invocations, and the address that boto3 calls on a laptop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from gpu_endpoint.answers import embedding_answer, problem_answer
from gpu_endpoint.bodies import read_body, read_image_request, read_text_request
from gpu_endpoint.errors import (
    ContentTypeError,
    EndpointError,
    MalformedBodyError,
    OverloadedError,
    UnknownAddressError,
    WrongMethodError,
)
from gpu_endpoint.models.ports import Sheet
from gpu_endpoint.registry import Registry
from sightline.contracts.inference import JPEG, JSON

log = logging.getLogger("gpu_endpoint")
Result = TypeVar("Result")

CALLER_GONE = 499  # nginx's number; nobody reads it
DECODERS = 2  # one sheet is decoded while the one before it is embedded


class Inference:
    """Embeds what a request carries."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.in_hand = 0
        # Apart, so that a question's words never wait behind pictures.
        self._decoders = ThreadPoolExecutor(DECODERS, "decode")
        self._tokenisers = ThreadPoolExecutor(1, "tokenise")

    async def answer(self, request: Request) -> Response:
        """Vectors for one request. Raises: EndpointError."""
        limit = self.registry.settings.endpoint_max_requests
        if self.in_hand >= limit:
            raise OverloadedError(f"{limit} requests are in hand, and no more are taken")
        self.in_hand += 1
        try:
            return await self._embed(request)
        finally:
            self.in_hand -= 1

    async def _embed(self, request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        embed = {JSON: self.embed_texts, JPEG: self.embed_sheet}.get(kind)
        if embed is None:
            raise ContentTypeError(f"send {JSON} or {JPEG}")
        body = await read_body(request)
        return await while_wanted(request, embed(request, body))

    async def embed_texts(self, request: Request, body: bytes) -> Response:
        """One vector per text."""
        wanted = read_text_request(body)
        with self.registry.lease(wanted.task, wanted) as lease:
            items = await aside(self._tokenisers, lease.head.prepare, wanted.texts)
            vectors = lease.head.finish(wanted.texts, items, await lease.lane.submit(items))
        return embedding_answer(request, lease.header, vectors)

    async def embed_sheet(self, request: Request, body: bytes) -> Response:
        """One vector per tile, in reading order."""
        layout, pin = read_image_request(request)
        with self.registry.lease("embed_image", pin) as lease:
            lease.lane.admit(layout.tiles)  # before decoding: refusing must stay cheap
            sheet = Sheet(body, layout)
            tiles = await aside(self._decoders, lease.head.prepare, sheet)
            vectors = lease.head.finish(sheet, tiles, await lease.lane.submit(tiles))
        return embedding_answer(request, lease.header, vectors)

    def close(self) -> None:
        """Frees the threads."""
        for executor in (self._decoders, self._tokenisers):
            executor.shutdown(cancel_futures=True)


async def aside(executor: Executor, work: Callable[..., Result], *arguments: Any) -> Result:
    """Runs what needs the processor off the event loop."""
    return await asyncio.get_running_loop().run_in_executor(executor, work, *arguments)


async def while_wanted(request: Request, work: Coroutine[Any, Any, Response]) -> Response:
    """The work's answer; cancels the work when the caller hangs up, so that it leaves the queue."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(hung_up(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        return Response(status_code=CALLER_GONE)
    finally:
        task.cancel()
        gone.cancel()


async def hung_up(request: Request) -> None:
    """Returns when the caller has closed the connection; the body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def create_app(registry: Registry) -> FastAPI:
    """The app over a registry that may still be loading."""
    inference = Inference(registry)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await registry.close()
        inference.close()

    app = FastAPI(title="Sightline inference endpoint", lifespan=lifespan, docs_url=None, redoc_url=None)

    @app.get("/ping")
    async def ping() -> Response:
        """200 once a model can answer: SageMaker sends requests from then on."""
        return Response(status_code=200 if registry.ready else 503)

    # The second address is the one boto3 calls on AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME.
    @app.post("/invocations")
    @app.post("/endpoints/{name}/invocations")
    async def invocations(request: Request) -> Response:
        return await inference.answer(request)

    @app.exception_handler(EndpointError)
    async def known(request: Request, error: EndpointError) -> Response:
        log.info("refused", extra={"fields": {"code": error.code, "status": error.status}})
        return problem_answer(request, error)

    @app.exception_handler(HTTPException)
    async def routing(request: Request, error: HTTPException) -> Response:
        unknown = {404: UnknownAddressError, 405: WrongMethodError}.get(error.status_code, MalformedBodyError)
        return problem_answer(request, unknown())

    @app.exception_handler(Exception)
    async def unknown(request: Request, _: Exception) -> Response:
        return problem_answer(request, EndpointError())  # uvicorn logs the traceback

    return app
