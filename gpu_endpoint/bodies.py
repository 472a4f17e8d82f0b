"""Requests off the wire, checked before anything is decoded."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from gpu_endpoint.errors import InvalidFieldError, MalformedBodyError
from gpu_endpoint.models.ports import Task
from sightline.contracts.attributes import WireError, read_attributes
from sightline.contracts.inference import (
    Call,
    ImageRequest,
    ModelPin,
    SheetLayout,
    TextRequest,
    read_sheet_attributes,
    take,
)

Shape = TypeVar("Shape", bound=BaseModel)
IMAGE_TASK = b"embed_image"
SHOWN = 20  # faults of one request that are listed
LOOKED_AT = 300  # faults of one request: one for each of its texts, and some
LONG = 16 * 1024  # bytes of a body; a shorter one has no room for so many strings that it would matter
STRINGS = 1000  # of one request's JSON, twice what texts, names and pins come to


class AnyTask(BaseModel):
    """Only which task it is; the rest is for the task's own shape."""

    model_config = ConfigDict(extra="ignore")

    task: Any = None


def read_json(body: bytes) -> TextRequest | ImageRequest:
    """Raises: MalformedBodyError, InvalidFieldError."""
    if len(body) > LONG and has_many_strings(body):
        raise unlike("body", "has more fields or texts than any request may have")
    # Most bodies are texts: only where the word occurs it is worth a look at which field says it.
    if IMAGE_TASK in body and parsed(AnyTask, body).task == "embed_image":
        return parsed(ImageRequest, body)
    try:
        return parsed(TextRequest, body)
    except InvalidFieldError as error:
        if any(fault["field"] == "task" for fault in error.errors):
            raise unlike("task", f"is one of {', '.join(get_args(Task))}") from error
        raise


def has_many_strings(body: bytes) -> bool:
    """Whether there are more than any request has, which would keep pydantic and the memory busy.

    Each begins with a quote, and before that one there is no backslash.
    """
    place = 0
    for _ in range(STRINGS):
        place = body.find(b'"', place) + 1
        if not place:
            return False
    return body.count(b'"') - body.count(b'\\"') > STRINGS


@lru_cache(maxsize=256)  # most callers say the same each time
def read_call(attributes: str, *, alone: bool) -> Call:
    """What the custom attributes say of any request; beside JSON they say nothing else.

    Raises: MalformedBodyError, InvalidFieldError.
    """
    fields = pairs(attributes)
    return checked(Call, fields if alone else take(Call, fields))


def read_picture(attributes: str) -> tuple[SheetLayout | None, ModelPin]:
    """Without a layout the body is one picture. Raises: MalformedBodyError, InvalidFieldError."""
    try:
        layout, pin = read_sheet_attributes(attributes)
    except WireError as error:
        raise MalformedBodyError(str(error)) from error
    if unknown := sorted(layout.keys() - SheetLayout.model_fields.keys()):
        raise unlike(unknown[0], "is no attribute of a picture")
    return checked(SheetLayout, layout) if layout else None, checked(ModelPin, pin)


def pairs(attributes: str) -> dict[str, str]:
    """Raises: MalformedBodyError."""
    try:
        return read_attributes(attributes)
    except WireError as error:
        raise MalformedBodyError(str(error)) from error


def parsed(shape: type[Shape], body: bytes) -> Shape:
    """The body as a shape. Raises: MalformedBodyError, InvalidFieldError."""
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        if error.error_count() == 1 and error.errors(include_input=False)[0]["type"] == "json_invalid":
            raise MalformedBodyError("the body is not JSON in UTF-8") from error
        raise refusal(error) from error


def checked(shape: type[Shape], fields: Any) -> Shape:
    """The fields as a shape. Raises: InvalidFieldError."""
    try:
        return shape.model_validate(fields)
    except ValidationError as error:
        raise refusal(error) from error


def unlike(field: str, message: str) -> InvalidFieldError:
    """One field that is at fault."""
    return InvalidFieldError(f"{field}: {message}", errors=[{"field": field, "message": message}])


def refusal(error: ValidationError) -> InvalidFieldError:
    """Names the fields and never repeats their values."""
    if (count := error.error_count()) > LOOKED_AT:  # looking would take as long as a model does
        return unlike("body", f"{count} fields are not valid")
    faults = [
        {
            "field": ".".join(map(str, fault["loc"])) or "body",
            "message": fault["msg"].removeprefix("Value error, "),  # Pydantic's word for a rule of ours
        }
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    first = faults[0]
    return InvalidFieldError(f"{first['field']}: {first['message']}", errors=faults[:SHOWN])
