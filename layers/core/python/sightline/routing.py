"""Routes whose creating POSTs give the same answer for the same Idempotency-Key."""

import json
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from sightline import idempotency
from sightline.errors import MalformedRequestError
from sightline.principal import principal_from

_CREATED_OR_ACCEPTED = (201, 202)
_MAX_KEY_CHARS = 200
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key gives the same answer for a day, and creates nothing twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": _MAX_KEY_CHARS},
}


class CreatingRoute(APIRoute):
    """A POST that creates answers the same for the same Idempotency-Key."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if _creates(options.get("methods"), options.get("status_code")):
            options["openapi_extra"] = {"parameters": [_IDEMPOTENCY_KEY]}
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()
        if not _creates(self.methods, self.status_code):
            return inner

        async def handle(request: Request) -> Response:
            key = request.headers.get("idempotency-key")
            return await inner(request) if key is None else await _once(request, key, inner)

        return handle


def _creates(methods: Collection[str] | None, status_code: int | None) -> bool:
    return "POST" in (methods or ()) and status_code in _CREATED_OR_ACCEPTED


async def _once(
    request: Request, key: str, inner: Callable[[Request], Coroutine[Any, Any, Response]]
) -> Response:
    if not 1 <= len(key) <= _MAX_KEY_CHARS:
        raise MalformedRequestError(f"Idempotency-Key has 1 to {_MAX_KEY_CHARS} characters.")
    claim = await _claim(request, key)
    kept = await run_in_threadpool(idempotency.begin, claim)
    if kept is not None:
        return JSONResponse(kept.body, kept.status, {"Idempotency-Replayed": "true"})
    try:
        response = await inner(request)
    except BaseException:
        await run_in_threadpool(idempotency.release, claim)
        raise
    secret = "no-store" in response.headers.get("cache-control", "")
    body = None if secret else json.loads(bytes(response.body))
    await run_in_threadpool(idempotency.finish, claim, status=response.status_code, body=body)
    return response


async def _claim(request: Request, key: str) -> idempotency.Claim:
    event = request.scope.get("aws.event", {})
    known = (event.get("requestContext", {}).get("authorizer") or {}).get("lambda")
    body = await request.body()
    if known:
        caller = principal_from(event)
        workspace_id, principal_id = caller.workspace_id, caller.principal_id
    else:
        # Nobody is known before registration: the key then belongs to whoever can repeat the body.
        workspace_id, principal_id = None, body.hex()
    return idempotency.claim_for(
        workspace_id=workspace_id or None,
        principal_id=principal_id,
        method=request.method,
        path=request.url.path,
        key=key,
        body=body,
    )


def create_router(*, prefix: str, tags: list[str]) -> APIRouter:
    """A domain's router: its creating POSTs take Idempotency-Key."""
    return APIRouter(prefix=prefix, tags=list(tags), route_class=CreatingRoute)
