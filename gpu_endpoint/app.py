"""The container's HTTP face: GET /ping, POST /invocations, and the address that boto3 calls on a laptop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import Lifespan, Receive, Scope, Send

from gpu_endpoint.answers import problem_answer
from gpu_endpoint.document import describe
from gpu_endpoint.errors import (
    EndpointError,
    MalformedBodyError,
    UnknownAddressError,
    WrongMethodError,
)
from gpu_endpoint.inference import Inference
from gpu_endpoint.metrics import Metrics
from gpu_endpoint.registry import Registry
from gpu_endpoint.visits import Visit

log = logging.getLogger("gpu_endpoint")
INVOCATIONS = "/invocations"


class PrometheusText(Response):
    """What Prometheus reads."""

    media_type = "text/plain; version=0.0.4"  # Starlette adds the charset


class App(FastAPI):
    """Hands the requests that count straight on: what one costs here, every batch waits for."""

    def __init__(self, inference: Inference, lifespan: Lifespan[FastAPI]) -> None:
        super().__init__(
            title="Sightline inference endpoint", lifespan=lifespan, docs_url=None, redoc_url=None
        )
        self._inference = inference

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """As FastAPI's own."""
        if scope["type"] == "http" and scope["path"] == INVOCATIONS and scope["method"] == "POST":
            return self._inference(scope, receive, send)
        return super().__call__(scope, receive, send)


def create_app(registry: Registry) -> FastAPI:
    """The app over a registry that may still be loading."""
    metrics = registry.metrics
    inference = Inference(registry, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        reports = asyncio.create_task(report(metrics, registry.settings.endpoint_metrics_s))
        yield
        await registry.close()
        inference.close()
        reports.cancel()
        with suppress(asyncio.CancelledError):
            await reports

    app = App(inference, lifespan)

    @app.get(
        "/ping",
        response_class=Response,
        responses={503: {"description": "No model can answer yet, or one hangs."}},
    )
    async def ping() -> Response:
        """200 once a model can answer, while none hangs: SageMaker sends requests then, or replaces us."""
        return Response(status_code=200 if registry.well else 503)

    @app.get("/metrics", response_class=PrometheusText)
    async def prometheus() -> Response:
        """Counters and histograms in Prometheus' text format."""
        return PrometheusText(metrics.text())

    # The second address is the one boto3 calls on AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME.
    for path in (INVOCATIONS, "/endpoints/{name}/invocations"):
        app.router.routes.append(Route(path, inference, methods=["POST"]))

    @app.exception_handler(EndpointError)
    async def known(request: Request, error: EndpointError) -> Response:
        return refused(request, error)

    @app.exception_handler(HTTPException)
    async def routing(request: Request, error: HTTPException) -> Response:
        unknown = {404: UnknownAddressError, 405: WrongMethodError}.get(error.status_code, MalformedBodyError)
        return refused(request, unknown(), error.headers)

    @app.exception_handler(Exception)
    async def unknown(request: Request, _: Exception) -> Response:
        # uvicorn logs the traceback
        return refused(request, EndpointError())

    describe(app)
    return app


async def report(metrics: Metrics, every_s: float) -> None:
    """Logs what CloudWatch is to count, every so often and once more at the end; 0: never."""
    while every_s:
        try:
            await asyncio.sleep(every_s)
        finally:
            for line in metrics.emf_lines():
                log.info("metrics", extra={"fields": line})


def refused(request: Request, error: EndpointError, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as an answer of FastAPI's own routes, under the request's id."""
    named = Visit(request.scope, request.receive).request_id
    answer = problem_answer(request.url.path, named, error)
    response = Response(answer.body, answer.status, {**(headers or {}), "x-request-id": named})
    response.raw_headers += answer.headers.items()
    return response
