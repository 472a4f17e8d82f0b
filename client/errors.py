"""What can go wrong for a caller of Sightline; every class here is part of the Python client."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx


class ClientError(Exception):
    """Anything the client raises."""

    code = "client-error"


class NoAddressError(ClientError):
    """Nobody said where Sightline runs."""

    code = "no-address"


class NotSignedInError(ClientError):
    """There is no credential for this address, or it is no longer taken."""

    code = "not-signed-in"


class UnreachableError(ClientError):
    """Nothing answered at the address, after retries."""

    code = "unreachable"


class StorageError(ClientError):
    """Storage refused or did not answer, after retries."""

    code = "storage-failed"


class IndexingError(ClientError):
    """The file arrived, and could not be indexed."""

    code = "indexing-failed"


class StillIndexingError(ClientError):
    """The given time passed before the file was indexed; indexing goes on."""

    code = "still-indexing"


class JobFailedError(ClientError):
    """An export or import did not end well; the message says why."""

    code = "job-failed"


class ModelRefusedError(ClientError):
    """A model's file was not taken; the message says why."""

    code = "model-refused"


class UnexpectedAnswerError(ClientError):
    """The server's answer has another shape than this client knows."""

    code = "unexpected-answer"


class LocalCloudError(ClientError):
    """The local cloud did not start, or stopped."""

    code = "local-cloud-failed"


class StormLostError(ClientError):
    """Some of the demo's storm was not taken, or nothing became of it in time."""

    code = "storm-lost"


class ApiError(ClientError):
    """A problem answer (RFC 9457) of the API. `code` is its slug in docs/problems.md."""

    def __init__(
        self,
        *,
        status: int,
        code: str,
        detail: str,
        retryable: bool = False,
        trace_id: str | None = None,
        retry_after_s: float | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        fields = [f"{error.get('field', '?')}: {error.get('message', '')}" for error in errors]
        super().__init__("; ".join(fields) or detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.retryable = retryable
        self.trace_id = trace_id
        self.retry_after_s = retry_after_s
        self.errors = [dict(error) for error in errors]


class UnauthenticatedError(ApiError):
    """401: who is calling is not known."""


class ForbiddenError(ApiError):
    """403: the role does not allow this."""


class NotFoundError(ApiError):
    """404: no such thing, or it belongs to another workspace."""


class UnavailableError(ApiError):
    """429, 502, 503, 504: busy or down, still after retries."""


_BY_STATUS: dict[int, type[ApiError]] = {
    401: UnauthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    429: UnavailableError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}


def api_error(response: httpx.Response) -> ApiError:
    """The error that a failed answer stands for; API Gateway's own answers have no problem body."""
    body = _problem(response)
    known = _BY_STATUS.get(response.status_code, ApiError)
    detail = body.get("detail") or body.get("title") or body.get("message")
    return known(
        status=response.status_code,
        code=str(body.get("code") or f"http-{response.status_code}"),
        detail=str(detail or f"The server answered {response.status_code} {response.reason_phrase}"),
        retryable=bool(body.get("retryable", response.status_code in (429, 502, 503, 504))),
        trace_id=body.get("trace_id"),
        retry_after_s=_seconds(response.headers.get("retry-after")),
        errors=body.get("errors") or (),
    )


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _seconds(value: str | None) -> float | None:
    return float(value) if value and value.replace(".", "", 1).isdigit() else None
