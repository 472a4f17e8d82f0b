"""The web side of every domain: one way to make an app, to answer failures and to know who is calling."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from mangum import Mangum
from psycopg.errors import DataError, ForeignKeyViolation
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from sightline.cursor import decode_cursor, encode_cursor
from sightline.errors import (
    ForbiddenError,
    InternalError,
    PayloadTooLargeError,
    SightlineError,
)
from sightline.principal import Principal, Role, principal_from
from sightline.principal import Scope as KeyScope
from sightline.problems import (
    PROBLEM_JSON,
    answer_gone,
    answer_invalid,
    answer_known,
    answer_unrouted,
    answer_unstorable,
    problem,
    problems,
    request_trace,
)
from sightline.rate_limit import take
from sightline.routing import create_router
from sightline.settings import Settings, get_settings
from sightline.telemetry import instrumented, logger, report

__all__ = [
    "AnyPrincipal",
    "CurrentUser",
    "Cursor",
    "Limit",
    "Principal",
    "as_lambda",
    "create_app",
    "create_router",
    "decode_cursor",
    "encode_cursor",
    "port",
    "problems",
    "rate_limited",
    "require_role",
]

# API Gateway itself ends at 10 MB and Lambda at 6 MB: hardly any request of ours needs even one.
MAX_BODY_BYTES = 1024 * 1024
# A picture of 4 MB in base64, with the question around it.
MAX_PICTURE_BODY_BYTES = 5_700_000

Cursor = Annotated[
    str | None, Query(max_length=2048, description="next_cursor of the page before; leave out for the first.")
]
Limit = Annotated[int, Query(ge=1, le=200, description="Most items on one page.")]


async def any_principal(request: Request) -> Principal:
    """Whoever the authorizer let in."""
    return principal_from(request.scope.get("aws.event", {}))


AnyPrincipal = Annotated[Principal, Depends(any_principal)]


async def current_user(principal: AnyPrincipal) -> Principal:
    """A person; an API key cannot act on an account."""
    if principal.kind != "user":
        raise ForbiddenError("An API key cannot do this; sign in.")
    return principal


CurrentUser = Annotated[Principal, Depends(current_user)]


def require_role(role: Role, scope: KeyScope | None = None) -> Any:
    """A dependency: the principal, if its role (and, for an API key, its scope) allows."""

    async def allowed(principal: AnyPrincipal) -> Principal:
        principal.require(role, scope)
        return principal

    return Depends(allowed)


def rate_limited(bucket: str, per_minute: Callable[[Settings], int]) -> Any:
    """A dependency: counts one call of the principal, or of the source address where nobody is known."""

    def counted(request: Request) -> None:
        event = request.scope.get("aws.event", {})
        context = event.get("requestContext", {})
        if (context.get("authorizer") or {}).get("lambda"):
            subject = principal_from(event).principal_id
        else:
            subject = str(context.get("http", {}).get("sourceIp", ""))
        take(subject=subject, bucket=bucket, per_minute=per_minute(get_settings()))

    return Depends(counted)


class _Guard:
    """Outermost: refuses large bodies and turns what nobody expected into a 500 with fixed text."""

    def __init__(self, app: ASGIApp, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self.app, self.max_body_bytes = app, max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            _check_size(scope, self.max_body_bytes)
            await self.app(scope, receive, send)
        except SightlineError as error:
            await problem(error, trace=request_trace(scope))(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last line of defence
            logger.exception("request failed unexpectedly")
            await run_in_threadpool(report, error)
            await problem(InternalError(), trace=request_trace(scope))(scope, receive, send)


def _check_size(scope: Scope, max_body_bytes: int) -> None:
    body = scope.get("aws.event", {}).get("body") or ""
    if len(body) > max_body_bytes:
        raise PayloadTooLargeError(f"A request body has at most {max_body_bytes} bytes.")


def port(kind: Any) -> Any:
    """A dependency: the provider that the app was given for a port."""

    async def provider(request: Request) -> Any:
        return request.app.state.ports[kind]()

    return Depends(provider)


def create_app(
    *routers: APIRouter,
    ports: Mapping[Any, Callable[[], Any]] | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> FastAPI:
    """An app of some domains' routers, with problem answers for everything that can fail."""
    app = FastAPI(
        title="Sightline",
        version="1",
        # Each function has some of the routes: the document of all of them is sightline.openapi's.
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.ports, app.state.routers = ports or {}, routers
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(SightlineError, answer_known)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_unrouted)
    app.add_exception_handler(ForeignKeyViolation, answer_gone)
    app.add_exception_handler(DataError, answer_unstorable)
    app.add_exception_handler(UnicodeEncodeError, answer_unstorable)
    app.add_middleware(_Guard, max_body_bytes=max_body_bytes)
    return app


def as_lambda(app: FastAPI, *, text_types: Sequence[str] = ()) -> Callable[[dict[str, Any], Any], Any]:
    """The app as a Lambda handler behind an HTTP API."""
    asyncio.set_event_loop(_event_loop())
    adapter = Mangum(
        app,
        lifespan="off",
        # Without problem+json in this list Mangum answers it base64-encoded.
        text_mime_types=["text/", "application/json", "application/javascript", PROBLEM_JSON, *text_types],
    )

    def handler(event: dict[str, Any], context: Any) -> Any:
        asyncio.set_event_loop(_event_loop())
        return adapter(event, context)

    return instrumented(handler)


@cache
def _event_loop() -> asyncio.AbstractEventLoop:
    """The process's one loop: Mangum takes the thread's current one, which newer Pythons no longer make by
    themselves and any asyncio.run takes away."""
    return asyncio.new_event_loop()
