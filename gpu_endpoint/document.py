"""The endpoint's OpenAPI document: what POST /invocations takes and answers, built from the wire shapes."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from gpu_endpoint import errors
from gpu_endpoint.multipart import FIELD
from gpu_endpoint.refusals import HEAD_BYTES, LONG_HEAD
from sightline.contracts.inference import (
    ATTRIBUTES_HEADER,
    JPEG,
    JSON,
    MAX_IMAGES,
    MULTIPART,
    NPY,
    PNG,
    PROBLEM,
    WEBP,
    EmbeddingAnswer,
    ImageRequest,
    Problem,
    TextRequest,
)
from sightline.contracts.inference_answers import ClassesAnswer, EntitiesAnswer

REF = "#/components/schemas/{model}"
REQUESTS: tuple[type[BaseModel], ...] = (TextRequest, ImageRequest)
ANSWERS: tuple[type[BaseModel], ...] = (EmbeddingAnswer, EntitiesAnswer, ClassesAnswer)
SHOWN: tuple[type[BaseModel], ...] = (*ANSWERS, Problem)
ATTRIBUTES_SAY = (
    "`name=value` pairs separated by `;`. Of any request: `deadline_ms`, `request_id`, `traceparent`. "
    "Of pictures as the body also `task=embed_image`, the pins `model`, `revision`, `precision` and `dim`, "
    "and, of a contact sheet, its `columns`, `tile_width`, `tile_height` and `tiles`."
)


def describe(app: FastAPI) -> None:
    """Adds /invocations to what FastAPI knows of its own routes."""
    own = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            whole = own()
            whole["paths"]["/invocations"] = {"post": invocations()}
            schemas = whole.setdefault("components", {}).setdefault("schemas", {})
            schemas.update(wire_schemas())
            app.openapi_schema = whole
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def wire_schemas() -> dict[str, Any]:
    """Every shape by name."""
    requests: list[tuple[type[BaseModel], JsonSchemaMode]] = [(shape, "validation") for shape in REQUESTS]
    answers: list[tuple[type[BaseModel], JsonSchemaMode]] = [(shape, "serialization") for shape in SHOWN]
    _, together = models_json_schema([*requests, *answers], ref_template=REF)
    return dict(together["$defs"])


def invocations() -> dict[str, Any]:
    """The one operation."""
    picture = {"schema": {"type": "string", "format": "binary"}}
    return {
        "operationId": "invocations",
        "summary": "Embed, tag or classify",
        "parameters": [
            header(ATTRIBUTES_HEADER, ATTRIBUTES_SAY),
            header("X-Request-Id", "Comes back, and is logged."),
        ],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": any_of(REQUESTS)},
                MULTIPART: {"schema": several_pictures()},
                **dict.fromkeys((JPEG, PNG, WEBP), picture),
            },
        },
        "responses": {
            status: answer | {"headers": said_beside(status)}
            for status, answer in {"200": answered(), **refusals()}.items()
        },
    }


def several_pictures() -> dict[str, Any]:
    """A form of files that are all called `image`."""
    files = {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}
    return {
        "type": "object",
        "required": [FIELD],
        "properties": {FIELD: files | {"maxItems": MAX_IMAGES}},
    }


def answered() -> dict[str, Any]:
    """Vectors, entities or classes."""
    npy = {
        "schema": {
            "type": "string",
            "format": "binary",
            "description": "float16 (n, dim), NumPy's own format",
        }
    }
    says = f"The result, and who answered: with {NPY} in `{ATTRIBUTES_HEADER}`."
    return {"description": says, "content": {JSON: {"schema": any_of(ANSWERS)}, NPY: npy}}


def refusals() -> dict[str, Any]:
    """One entry per status that an error of ours has, and the one that no app of ours is asked for."""
    titles: dict[int, list[str]] = {}
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.EndpointError):
            titles.setdefault(kind.status, []).append(f"{kind.code}: {kind.title.lower()}")
    content = {PROBLEM: {"schema": {"$ref": REF.format(model=Problem.__name__)}}}
    listed: dict[str, Any] = {
        str(status): {"description": "; ".join(said), "content": content}
        for status, said in sorted(titles.items())
    }
    too_long = f"headers of more than {HEAD_BYTES // 1024} KiB; the connection is closed"
    plain = {"text/plain": {"schema": {"type": "string"}}}
    return listed | {str(LONG_HEAD): {"description": too_long, "content": plain}}


def said_beside(status: str) -> dict[str, Any]:
    """The headers of an answer."""
    headers = {"X-Request-Id": "The caller's, or one of ours."}
    if status == "200":
        headers[ATTRIBUTES_HEADER] = (
            f"With {NPY}: `model`, `revision`, `precision` and `dim` of who answered."
        )
        headers["Server-Timing"] = "`decode`, `wait` and `forward`, in milliseconds."
    if status in ("429", "503"):
        headers["Retry-After"] = "In whole seconds; `retry_after_s` says it more exactly."
    return {name: {"description": says, "schema": {"type": "string"}} for name, says in headers.items()}


def any_of(shapes: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    """One of them."""
    return {"anyOf": [{"$ref": REF.format(model=shape.__name__)} for shape in shapes]}


def header(name: str, says: str) -> dict[str, Any]:
    """An optional request header."""
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": says,
        "schema": {"type": "string"},
    }
