"""What the endpoint can answer besides vectors: one class, one HTTP status."""

from __future__ import annotations


class EndpointError(Exception):
    """A request that gets no vectors; anything else that is raised is a 500 with fixed text."""

    status = 500
    code = "internal-error"
    title = "The endpoint failed"
    retryable = True
    retry_after_s: float | None = None

    def __init__(
        self,
        detail: str = "",
        *,
        errors: list[dict[str, str]] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = errors or []
        if retry_after_s is not None:
            self.retry_after_s = retry_after_s


class MalformedBodyError(EndpointError):
    """Not JSON, or attributes that cannot be read."""

    status, code, title, retryable = 400, "malformed-request", "The request cannot be read", False


class UnknownAddressError(EndpointError):
    """No such path."""

    status, code, title, retryable = 404, "not-found", "There is nothing here", False


class WrongMethodError(EndpointError):
    """The path exists, the method does not."""

    status, code, title, retryable = (
        405,
        "method-not-allowed",
        "This address does not take that method",
        False,
    )


class SlowBodyError(EndpointError):
    """The rest of the body does not come, or so slowly that nobody waits for it."""

    status, code, title = 408, "request-timeout", "The body did not come in time"


class ModelMismatchError(EndpointError):
    """The request pins a model or revision that is not served here."""

    status, code, title, retryable = 409, "model-mismatch", "Another model is served here", False


class BodyTooLargeError(EndpointError):
    """More bytes than InvokeEndpoint would have carried, or more items than a lane holds."""

    status, code, title, retryable = 413, "payload-too-large", "The request is too large", False


class ContentTypeError(EndpointError):
    """A content type that names no task."""

    status, code, title, retryable = (
        415,
        "unsupported-media-type",
        "The content type is not one we take",
        False,
    )


class InvalidFieldError(EndpointError):
    """Well-formed, but a field has a value we refuse."""

    status, code, title, retryable = 422, "validation-failed", "Some fields are not valid", False


class UnreadableImageError(EndpointError):
    """Not a JPEG, cut short, or a decompression bomb."""

    status, code, title, retryable = 422, "unreadable-image", "The image cannot be decoded", False


class WrongLayoutError(EndpointError):
    """The sheet's size is not what its layout says."""

    status, code, title, retryable = 422, "wrong-layout", "The sheet does not match its layout", False


class OverloadedError(EndpointError):
    """The queue is full: it answers rather than grows."""

    status, code, title, retry_after_s = 429, "overloaded", "The endpoint is at its limit", 1


class NotReadyError(EndpointError):
    """No model can answer yet, or any more."""

    status, code, title, retry_after_s = 503, "not-ready", "No model is ready", 2


class DeadlineError(EndpointError):
    """The request waited longer in the queue than anybody waits for its answer."""

    status, code, title, retry_after_s = 503, "deadline-passed", "The request waited too long", 2
