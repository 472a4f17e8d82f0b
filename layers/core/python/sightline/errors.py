"""The error tree: one class is one HTTP answer, one line of docs/problems.md and one queue decision."""

from collections.abc import Iterator, Mapping, Sequence


class SightlineError(Exception):
    """What we know can go wrong; anything else is an internal error."""

    status = 500
    slug = "internal-error"
    title = "Something failed on our side"
    retryable = True

    def __init__(
        self,
        detail: str = "",
        *,
        retry_after_s: int | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.retry_after_s = retry_after_s
        self.errors = [dict(error) for error in errors]


class InternalError(SightlineError):
    """An unexpected failure: fixed text, the trace id leads to the log."""


class MalformedRequestError(SightlineError):
    status, slug, title, retryable = 400, "malformed-request", "The request cannot be read", False


class InvalidCursorError(SightlineError):
    status, slug, title, retryable = 400, "invalid-cursor", "The cursor is not one we gave", False


class InvalidCodeError(SightlineError):
    status, slug, title, retryable = 400, "invalid-code", "The code is wrong or has expired", False


class UnauthenticatedError(SightlineError):
    status, slug, title, retryable = 401, "unauthenticated", "Who is calling is not known", False


class InvalidCredentialsError(SightlineError):
    status, slug, title, retryable = 401, "invalid-credentials", "E-mail address or password is wrong", False


class ForbiddenError(SightlineError):
    status, slug, title, retryable = 403, "forbidden", "The role does not allow this", False


class UnconfirmedAccountError(SightlineError):
    status, slug, title, retryable = 403, "unconfirmed-account", "The account is not confirmed yet", False


class NotFoundError(SightlineError):
    status, slug, title, retryable = 404, "not-found", "There is nothing here", False


class MethodNotAllowedError(SightlineError):
    status, slug, title, retryable = 405, "method-not-allowed", "This address takes other methods", False


class ConflictError(SightlineError):
    status, slug, title, retryable = 409, "conflict", "The current state does not allow this", False


class AccountExistsError(SightlineError):
    status, slug, title, retryable = 409, "account-exists", "This e-mail address has an account", False


class LastAdminError(SightlineError):
    status, slug, title, retryable = 409, "last-admin", "A workspace keeps at least one admin", False


class RequestInProgressError(SightlineError):
    status, slug, title, retryable = 409, "request-in-progress", "The same request is being worked on", True


class AlreadyCreatedError(SightlineError):
    status, slug, title, retryable = 409, "already-created", "This was created, and is shown only once", False


class UploadIncompleteError(SightlineError):
    status, slug, title, retryable = 409, "upload-incomplete", "The upload is not complete", False


class UploadExpiredError(SightlineError):
    status, slug, title, retryable = 410, "upload-expired", "The upload was not finished in time", False


class PayloadTooLargeError(SightlineError):
    status, slug, title, retryable = 413, "payload-too-large", "That is larger than we take", False


class UnsupportedMediaTypeError(SightlineError):
    status, slug, title, retryable = 415, "unsupported-media-type", "This content is not taken", False


class ValidationError(SightlineError):
    status, slug, title, retryable = 422, "validation-failed", "Some fields are not valid", False


class WeakPasswordError(SightlineError):
    status, slug, title, retryable = 422, "weak-password", "The password does not meet the policy", False


class IdempotencyKeyReusedError(SightlineError):
    status, slug, title, retryable = (
        422,
        "idempotency-key-reused",
        "This Idempotency-Key was used for another request",
        False,
    )


class UnreadableMediaError(SightlineError):
    status, slug, title, retryable = 422, "unreadable-media", "The file cannot be decoded as a video", False


class RateLimitedError(SightlineError):
    status, slug, title, retryable = 429, "rate-limited", "Too many requests", True


class EndpointRefusedError(SightlineError):
    status, slug, title, retryable = 502, "endpoint-refused", "The model refused the input", False


class DatabaseUnavailableError(SightlineError):
    status, slug, title, retryable = 503, "database-unavailable", "The database does not answer", True


class EndpointUnavailableError(SightlineError):
    status, slug, title, retryable = 503, "endpoint-unavailable", "The model does not answer", True


class IdentityUnavailableError(SightlineError):
    status, slug, title, retryable = 503, "identity-unavailable", "Sign-in does not answer", True


def every_error(root: type[SightlineError] = SightlineError) -> Iterator[type[SightlineError]]:
    """Each concrete class of the tree."""
    for child in root.__subclasses__():
        yield child
        yield from every_error(child)


def problem_table() -> dict[str, type[SightlineError]]:
    """Problem slug -> error class: what /problems/{slug} and docs/problems.md are made from."""
    return {error.slug: error for error in every_error()}
