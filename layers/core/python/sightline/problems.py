"""RFC 9457 answers: every failure leaves as application/problem+json, and none repeats its input."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route
from starlette.types import Scope

from sightline.errors import (
    ConflictError,
    ForbiddenError,
    InternalError,
    MalformedRequestError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    SightlineError,
    UnauthenticatedError,
    UnsupportedMediaTypeError,
    ValidationError,
)
from sightline.telemetry import trace_id

PROBLEM_JSON = "application/problem+json"

_BY_STATUS: dict[int, type[SightlineError]] = {
    error.status: error
    for error in (
        MalformedRequestError,
        UnauthenticatedError,
        ForbiddenError,
        NotFoundError,
        MethodNotAllowedError,
        PayloadTooLargeError,
        UnsupportedMediaTypeError,
        ValidationError,
    )
}


def problem(error: SightlineError, *, trace: str) -> JSONResponse:
    """The answer that stands for an error."""
    content: dict[str, Any] = {
        "type": f"/problems/{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.slug,
        "retryable": error.retryable,
        "trace_id": trace,
    }
    if error.errors:
        content["errors"] = error.errors
    headers = {"Cache-Control": "no-store"}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return JSONResponse(content, error.status, headers, media_type=PROBLEM_JSON)


def problems(*errors: type[SightlineError]) -> dict[int | str, dict[str, Any]]:
    """What a route can answer besides what every route can: `responses=problems(UploadExpiredError)`."""
    return {error.status: {"description": error.title} for error in errors}


def request_trace(scope: Scope) -> str:
    """The trace id of a request: X-Ray's, else API Gateway's request id."""
    context = scope.get("aws.event", {}).get("requestContext", {})
    return trace_id(str(context.get("requestId", "")))


def answer_known(request: Request, error: Exception) -> JSONResponse:
    """An error of our tree."""
    if not isinstance(error, SightlineError):
        raise error
    return problem(error, trace=request_trace(request.scope))


def answer_invalid(request: Request, error: Exception) -> JSONResponse:
    """What FastAPI found wrong: names the field and the rule, never the value."""
    if not isinstance(error, RequestValidationError):
        raise error
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return problem(MalformedRequestError("The body is not JSON."), trace=request_trace(request.scope))
    return problem(
        ValidationError("See errors for the fields.", errors=field_errors(found)),
        trace=request_trace(request.scope),
    )


def field_errors(found: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Pydantic's findings as field and message. A key the caller made up is input too, and is left out."""
    return [{"field": _field(item), "message": _message(item)} for item in found[:20]]


def _field(item: Mapping[str, Any]) -> str:
    place = [str(part) for part in item["loc"]]
    if item["type"] == "extra_forbidden":
        place[-1] = "*"
    return ".".join(part[:64] for part in place)


def _message(item: Mapping[str, Any]) -> str:
    if item["type"] == "extra_forbidden":
        return "This field is not known."
    if item["type"] == "value_error" and "ctx" in item:
        return str(item["ctx"].get("error") or item["ctx"].get("reason"))[:200]
    return str(item["msg"])[:200]


def answer_gone(request: Request, _error: Exception) -> JSONResponse:
    """A row refers to a deleted one, say to a workspace closed while the authorizer still remembers it."""
    return problem(ConflictError("Something this refers to was deleted."), trace=request_trace(request.scope))


def answer_unstorable(request: Request, _error: Exception) -> JSONResponse:
    """A NUL or half a character in a text, a number out of range: JSON takes them, Postgres does not."""
    return problem(
        ValidationError("A text or a number in the request cannot be stored."),
        trace=request_trace(request.scope),
    )


def answer_unrouted(request: Request, error: Exception) -> JSONResponse:
    """404 and 405 of addresses without a route, and whatever else the framework refuses by itself."""
    if not isinstance(error, HTTPException):
        raise error
    known = _BY_STATUS.get(error.status_code, InternalError)
    response = problem(known(), trace=request_trace(request.scope))
    if error.status_code == MethodNotAllowedError.status:
        response.headers["Allow"] = ", ".join(_methods_at(request))
    return response


def _methods_at(request: Request) -> list[str]:
    """Starlette itself names only the methods of the first route that fits."""
    fitting = [
        route.methods or set()
        for router in request.app.state.routers
        for route in router.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    ]
    return sorted(set().union(*fitting))
