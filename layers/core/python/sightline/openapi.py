"""The app with every domain's routes: the OpenAPI document is made from it, and fuzzing runs against it."""

from functools import cache
from typing import Any

from fastapi import FastAPI

from sightline.http import create_app


def full_app() -> FastAPI:
    """All routers in one app."""
    from sightline.accounts.routes import router as accounts
    from sightline.incidents.routes import router as incidents
    from sightline.media.routes import router as media
    from sightline.outgoing.routes import router as outgoing
    from sightline.scenarios.concepts.routes import router as concepts
    from sightline.scenarios.exports.routes import router as exports
    from sightline.scenarios.routes import router as scenarios
    from sightline.scenarios.saved.routes import router as saved
    from sightline.system import router as system
    from sightline.wiring import scenario_ports

    routers = (system, accounts, media, scenarios, concepts, saved, exports, outgoing, incidents)
    return create_app(*routers, ports=scenario_ports())


@cache
def openapi_document() -> dict[str, Any]:
    """OpenAPI 3.1 of the whole API."""
    document = full_app().openapi()
    document["components"].setdefault("schemas", {})["Problem"] = _PROBLEM
    document["components"]["securitySchemes"] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token from /v1/auth/login, or an API key (slk_...).",
        }
    }
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _describe(operation, path)
    return document


def _describe(operation: dict[str, Any], path: str) -> None:
    """Every failure is a problem; who needs a token, and for which workspace, follows from the path."""
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = {"description": "A problem", "content": problem}
    if not path.startswith("/v1/") or path.startswith("/v1/auth/"):
        return
    operation["security"] = [{"bearer": []}]
    if path == "/v1/workspaces" or path.startswith("/v1/users/"):
        return
    operation.setdefault("parameters", []).append(_WORKSPACE_HEADER)


_WORKSPACE_HEADER = {
    "name": "X-Workspace-Id",
    "in": "header",
    "required": True,
    "description": "The workspace to act in; GET /v1/workspaces lists them.",
    "schema": {"type": "string", "format": "uuid"},
}

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457, with a code to branch on.",
    "required": ["type", "title", "status", "detail", "code", "retryable", "trace_id"],
    "properties": {
        "type": {"type": "string", "description": "/problems/{code}"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "retryable": {"type": "boolean"},
        "trace_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
