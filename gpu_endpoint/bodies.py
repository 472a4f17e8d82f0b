"""Requests off the wire: bounded as they are read, checked before anything is decoded."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from gpu_endpoint.errors import BodyTooLargeError, InvalidFieldError, MalformedBodyError
from sightline.contracts.attributes import WireError
from sightline.contracts.inference import (
    ATTRIBUTES_HEADER,
    MAX_BODY_BYTES,
    ModelPin,
    SheetLayout,
    TextRequest,
    read_sheet_attributes,
)

Shape = TypeVar("Shape", bound=BaseModel)


async def read_body(request: Request) -> bytes:
    """The body, never holding more than the limit. Raises: BodyTooLargeError."""
    too_large = BodyTooLargeError(f"a body may have {MAX_BODY_BYTES} bytes")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > MAX_BODY_BYTES:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise too_large
    return bytes(body)


def read_text_request(body: bytes) -> TextRequest:
    """Raises: MalformedBodyError, InvalidFieldError."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedBodyError("the body is not JSON") from error
    return checked(TextRequest, fields)


def read_image_request(request: Request) -> tuple[SheetLayout, ModelPin]:
    """Raises: MalformedBodyError, InvalidFieldError."""
    try:
        layout, pin = read_sheet_attributes(request.headers.get(ATTRIBUTES_HEADER, ""))
    except WireError as error:
        raise MalformedBodyError(str(error)) from error
    return checked(SheetLayout, layout), checked(ModelPin, pin)


def checked(shape: type[Shape], fields: Any) -> Shape:
    """The fields as a shape. Raises: InvalidFieldError, which names fields and never repeats values."""
    try:
        return shape.model_validate(fields)
    except ValidationError as error:
        faults = [
            {"field": ".".join(map(str, fault["loc"])), "message": fault["msg"]}
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        first = faults[0]
        detail = f"{first['field'] or 'body'}: {first['message']}"
        raise InvalidFieldError(detail, errors=faults[:20]) from error
