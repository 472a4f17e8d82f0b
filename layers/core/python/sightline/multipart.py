"""A file beside a request as multipart/form-data: the same as JSON with the file in base64."""

import base64
import json
from collections.abc import Callable, Coroutine, Mapping
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from fastapi import Request, Response

from sightline.errors import MalformedRequestError
from sightline.routing import CreatingRoute

MULTIPART = "multipart/form-data"
Fold = Callable[[str], Mapping[str, Any]]
"""The JSON fields that a file in base64 stands for."""


def form_body(part: str, *, request: str, file: str) -> dict[str, Any]:
    """What is documented beside the JSON body; request and file say what the parts are."""
    return {
        "schema": {
            "type": "object",
            "required": [part],
            "properties": {
                "request": {"type": "string", "description": request},
                part: {"type": "string", "format": "binary", "description": file},
            },
        }
    }


def form_route(part: str, fold: Fold) -> type[CreatingRoute]:
    """Routes that take the parts `request` (JSON) and one file in place of a JSON body."""

    class FormRoute(CreatingRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            inner = super().get_route_handler()

            async def handle(request: Request) -> Response:
                kind = request.headers.get("content-type", "")
                if not kind.lower().startswith(MULTIPART):
                    return await inner(request)
                return await inner(_with_body(request, as_json(kind, await request.body(), part, fold)))

            return handle

    return FormRoute


def as_json(content_type: str, body: bytes, part: str, fold: Fold) -> bytes:
    """The JSON body that a form stands for. Raises: MalformedRequestError."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
    try:
        form = BytesParser(policy=HTTP).parsebytes(head + body)
        parts = {_name(found): found for found in form.iter_parts()} if form.is_multipart() else {}
    except (LookupError, UnicodeError) as error:  # in an encoding that they name themselves
        raise MalformedRequestError("The names in the form's headers cannot be read.") from error
    if not parts.keys() <= {"request", part} or part not in parts:
        raise MalformedRequestError(f"A form has the parts {part}, a file, and request, the rest as JSON.")
    try:
        asked = json.loads(_content(parts["request"])) if "request" in parts else {}
    except ValueError as error:
        raise MalformedRequestError("The part request is not JSON.") from error
    if not isinstance(asked, dict):
        raise MalformedRequestError("The part request is not a JSON object.")
    return json.dumps(asked | dict(fold(base64.b64encode(_content(parts[part])).decode()))).encode()


def _name(part: Message) -> str:
    return str(part.get_param("name", "", header="content-disposition"))


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _with_body(request: Request, body: bytes) -> Request:
    headers = [(k, v) for k, v in request.scope["headers"] if k not in (b"content-type", b"content-length")]
    headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({**request.scope, "headers": headers}, receive)
