"""The app with every domain's routes: the OpenAPI document is made from it, and fuzzing runs against it."""

from functools import cache
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from sightline.errors import problem_table
from sightline.http import create_app
from sightline.openapi_intake import PATH, webhook_path


def full_app() -> FastAPI:
    """All routers in one app."""
    from sightline.accounts.routes import router as accounts
    from sightline.incidents.grouping.routes import router as grouping
    from sightline.incidents.notices.interactions import router as interactions
    from sightline.incidents.notices.routes import router as notices
    from sightline.incidents.retention.routes import router as retention
    from sightline.incidents.routes import router as incidents
    from sightline.incidents.runbooks.routes import router as runbooks
    from sightline.incidents.summaries.routes import router as summaries
    from sightline.media.imports.routes import router as imports
    from sightline.media.routes import router as media
    from sightline.outgoing.routes import router as outgoing
    from sightline.route_ports import scenario_ports
    from sightline.scenarios.concepts.routes import router as concepts
    from sightline.scenarios.exports.routes import router as exports
    from sightline.scenarios.routes import router as scenarios
    from sightline.scenarios.saved.routes import router as saved
    from sightline.system import router as system

    video = (media, scenarios, concepts, saved, exports, imports)
    alerts = (incidents, retention, grouping, summaries, runbooks, notices, interactions)
    return create_app(system, accounts, *video, outgoing, *alerts, ports=scenario_ports())


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
    document["components"]["responses"] = _problem_responses()
    document["webhooks"] = _webhooks(document["components"]["schemas"])
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _describe(operation, path, method)
    document["paths"][PATH] = webhook_path()
    return document


def _webhooks(schemas: dict[str, Any]) -> dict[str, Any]:
    """What we send to others (OpenAPI 3.1, webhooks)."""
    from sightline.incidents.notices.schemas import IncidentMessage
    from sightline.scenarios.saved.schemas import MatchedMessage

    told: dict[str, tuple[type[BaseModel], str]] = {
        "search.matched": (MatchedMessage, "A standing search found something in a new video"),
        "incident.opened": (IncidentMessage, "An incident opened, or opened again"),
        "incident.changed": (IncidentMessage, "Something about an incident changed"),
        "incident.resolved": (IncidentMessage, "An incident was resolved"),
    }
    return {name: {"post": _told(message, summary, schemas)} for name, (message, summary) in told.items()}


def _told(message: type[BaseModel], summary: str, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = message.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs"))
    schemas[message.__name__] = schema
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{message.__name__}"}}}
    return {
        "summary": summary,
        "description": "Signed by the Standard Webhooks specification: webhook-id, -timestamp, -signature.",
        "requestBody": {"required": True, "content": content},
        "responses": {"2XX": {"description": "The receiver has it; anything else is tried again."}},
    }


def _describe(operation: dict[str, Any], path: str, method: str) -> None:
    """Every failure is a problem; who needs a token, and for which workspace, follows from the path."""
    secured = path.startswith("/v1/") and not path.startswith(_OPEN)
    if secured:
        operation["security"] = [{"bearer": []}]
        if path != "/v1/workspaces" and not path.startswith("/v1/users/"):
            operation.setdefault("parameters", []).append(_WORKSPACE_HEADER)
    declared = {status for status in operation["responses"] if status >= "400"}
    for status in sorted(declared | _statuses(operation, path, method, secured=secured)):
        operation["responses"][status] = {"$ref": f"#/components/responses/Problem{status}"}


def _statuses(operation: dict[str, Any], path: str, method: str, *, secured: bool) -> set[str]:
    """What can go wrong with a request of this form; a route declares what is its own (http.problems)."""
    found = {"400", "429", "500", "503"}
    if secured or path.startswith("/v1/auth/"):
        found |= {"401", "403"}
    if "requestBody" in operation:
        found |= {"413", "422"}
    if operation.get("parameters"):
        found |= {"422"}
    if "{" in path or (secured and "requestBody" in operation):
        found |= {"404"}
    if method != "get":
        found |= {"409"}
    return found


def _problem_responses() -> dict[str, Any]:
    """One response per status, which names the codes it comes with."""
    codes: dict[int, list[str]] = {}
    for slug, error in sorted(problem_table().items()):
        codes.setdefault(error.status, []).append(f"`{slug}` ({error.title})")
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        f"Problem{status}": {"description": "; ".join(named) + ".", "content": content}
        for status, named in sorted(codes.items())
    }


# Signing in, and what proves itself by a signature of its own.
_OPEN = ("/v1/auth/", "/v1/slack/")

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
