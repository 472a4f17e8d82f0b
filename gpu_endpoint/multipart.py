"""Picture files as the parts of a form, as browsers and `curl -F` send them: no base64, a third smaller."""

from __future__ import annotations

from email.message import Message

from gpu_endpoint.errors import InvalidFieldError, MalformedBodyError
from sightline.contracts.inference import MAX_IMAGES

FIELD = "image"


def read_pictures(content_type: str, body: bytes) -> list[bytes]:
    """The files, in order. Raises: MalformedBodyError, InvalidFieldError.

    Source: RFC 2046, 5.1.1 and RFC 7578. What stands outside the first and the last boundary is left out.
    """
    try:
        boundary = described(content_type).get_boundary()
    except (LookupError, UnicodeError) as error:  # it may be written in an encoding that it names itself
        raise MalformedBodyError("the content type's boundary cannot be read") from error
    if not boundary:
        raise MalformedBodyError("the content type names no boundary")
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1", "replace"))
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise MalformedBodyError("the body does not end with its boundary")
    if len(pieces) - 2 > MAX_IMAGES:
        raise InvalidFieldError(f"images: at most {MAX_IMAGES} pictures")
    return [read_part(piece, place) for place, piece in enumerate(pieces[1:-1])]


def read_part(piece: bytes, place: int) -> bytes:
    """One part's content, when it is a picture's. Raises: MalformedBodyError, InvalidFieldError."""
    head, gap, content = piece.partition(b"\r\n\r\n")
    if not gap or not head.startswith(b"\r\n"):
        raise MalformedBodyError(f"part {place} has no headers")
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            if described(value).get_param("name") == FIELD:
                return content
            break
    raise InvalidFieldError(f"images: part {place} is not called {FIELD}")


def described(value: str) -> Message:
    """A header's value, whose parameters may then be asked for."""
    message = Message()
    message["content-type"] = value.strip()
    return message
