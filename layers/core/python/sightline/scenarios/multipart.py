"""A question with a picture as multipart/form-data: the same as JSON with the picture in base64."""

import base64
import json
from collections.abc import Callable, Coroutine
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from fastapi import Request, Response

from sightline.errors import MalformedRequestError
from sightline.routing import CreatingRoute

MULTIPART = "multipart/form-data"
# Documented beside the JSON body.
MULTIPART_BODY = {
    "schema": {
        "type": "object",
        "required": ["image"],
        "properties": {
            "request": {"type": "string", "description": "The question as JSON, without its image."},
            "image": {"type": "string", "format": "binary", "description": "JPEG or PNG."},
        },
    }
}


class PictureRoute(CreatingRoute):
    """Takes the parts `request` (JSON) and `image` (a file) in place of a JSON body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            kind = request.headers.get("content-type", "")
            if not kind.lower().startswith(MULTIPART):
                return await inner(request)
            return await inner(_with_body(request, as_json(kind, await request.body())))

        return handle


def as_json(content_type: str, body: bytes) -> bytes:
    """The JSON body that a form stands for. Raises: MalformedRequestError."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
    form = BytesParser(policy=HTTP).parsebytes(head + body)
    parts = {_name(part): part for part in form.iter_parts()} if form.is_multipart() else {}
    if not parts.keys() <= {"request", "image"} or "image" not in parts:
        raise MalformedRequestError("A form has the parts image, a file, and request, the question as JSON.")
    try:
        asked = json.loads(_content(parts["request"])) if "request" in parts else {}
    except ValueError as error:
        raise MalformedRequestError("The part request is not JSON.") from error
    if not isinstance(asked, dict):
        raise MalformedRequestError("The part request is not a JSON object.")
    picture = base64.b64encode(_content(parts["image"])).decode()
    return json.dumps(asked | {"image": {"data": picture}}).encode()


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
