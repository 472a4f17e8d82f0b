"""The error tree: one class is one HTTP answer, one line of docs/problems.md and one queue decision.

Each docstring says what the caller can do about it; /problems/{slug} shows it.
"""

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
    """Try again; if it persists, tell us the trace_id, which leads to the log."""


class MalformedRequestError(SightlineError):
    """Send well-formed JSON, and headers of the documented form."""

    status, slug, title, retryable = 400, "malformed-request", "The request cannot be read", False


class InvalidCursorError(SightlineError):
    """Begin again at the first page, without a cursor; a cursor belongs to one list."""

    status, slug, title, retryable = 400, "invalid-cursor", "The cursor is not one we gave", False


class InvalidCodeError(SightlineError):
    """Use the newest code from the e-mail, within 24 hours."""

    status, slug, title, retryable = 400, "invalid-code", "The code is wrong or has expired", False


class UnauthenticatedError(SightlineError):
    """Sign in, or refresh the access token, and send it as Authorization: Bearer."""

    status, slug, title, retryable = 401, "unauthenticated", "Who is calling is not known", False


class SignatureInvalidError(SightlineError):
    """Send it with the secret of this source, as its sender documents it; an old delivery is refused too."""

    status, slug, title, retryable = (
        401,
        "signature-invalid",
        "The delivery is not proven to be the source's",
        False,
    )


class InvalidCredentialsError(SightlineError):
    """Check the address and the password; after several tries sign-in pauses."""

    status, slug, title, retryable = 401, "invalid-credentials", "E-mail address or password is wrong", False


class ForbiddenError(SightlineError):
    """Ask an admin of the workspace for the role, or use a key with the scope."""

    status, slug, title, retryable = 403, "forbidden", "The role does not allow this", False


class UnconfirmedAccountError(SightlineError):
    """Confirm the address with the code that was sent to it."""

    status, slug, title, retryable = 403, "unconfirmed-account", "The account is not confirmed yet", False


class NotFoundError(SightlineError):
    """It does not exist, was deleted, or belongs to another workspace."""

    status, slug, title, retryable = 404, "not-found", "There is nothing here", False


class MethodNotAllowedError(SightlineError):
    """Use one of the methods in the Allow header."""

    status, slug, title, retryable = 405, "method-not-allowed", "This address takes other methods", False


class ConflictError(SightlineError):
    """Read the current state, then decide again."""

    status, slug, title, retryable = 409, "conflict", "The current state does not allow this", False


class AccountExistsError(SightlineError):
    """Sign in instead."""

    status, slug, title, retryable = 409, "account-exists", "This e-mail address has an account", False


class LastAdminError(SightlineError):
    """Make somebody else an admin first, or delete the workspace."""

    status, slug, title, retryable = 409, "last-admin", "A workspace keeps at least one admin", False


class RequestInProgressError(SightlineError):
    """Wait for Retry-After seconds and repeat with the same Idempotency-Key."""

    status, slug, title, retryable = 409, "request-in-progress", "The same request is being worked on", True


class AlreadyCreatedError(SightlineError):
    """If the secret was lost, delete what was made and make another with a new Idempotency-Key."""

    status, slug, title, retryable = 409, "already-created", "This was created, and is shown only once", False


class UploadIncompleteError(SightlineError):
    """Upload the missing parts, then complete the upload again."""

    status, slug, title, retryable = 409, "upload-incomplete", "The upload is not complete", False


class UploadExpiredError(SightlineError):
    """Create the asset again and upload once more."""

    status, slug, title, retryable = 410, "upload-expired", "The upload was not finished in time", False


class PayloadTooLargeError(SightlineError):
    """Send less; the detail names the limit."""

    status, slug, title, retryable = 413, "payload-too-large", "That is larger than we take", False


class UnsupportedMediaTypeError(SightlineError):
    """Send one of the content types that the address documents."""

    status, slug, title, retryable = 415, "unsupported-media-type", "This content is not taken", False


class ValidationError(SightlineError):
    """Correct the fields named in errors."""

    status, slug, title, retryable = 422, "validation-failed", "Some fields are not valid", False


class WeakPasswordError(SightlineError):
    """Choose another."""

    status, slug, retryable = 422, "weak-password", False
    title = "A password has at least 12 characters: upper and lower case letters, digits and symbols"


class ForbiddenAddressError(SightlineError):
    """Name an https address on port 443 that the whole internet can reach."""

    status, slug, title, retryable = 422, "forbidden-address", "We do not send to this address", False


class IdempotencyKeyReusedError(SightlineError):
    """Use a new Idempotency-Key for a new request."""

    status, slug, title, retryable = (
        422,
        "idempotency-key-reused",
        "This Idempotency-Key was used for another request",
        False,
    )


class UnreadableMediaError(SightlineError):
    """Check that the file plays, and export it again if it does not."""

    status, slug, title, retryable = 422, "unreadable-media", "The file cannot be decoded as a video", False


class ModelRevisionGoneError(SightlineError):
    """Begin again, with whatever revision is served now: results of two revisions are not mixed."""

    status, slug, title, retryable = 409, "model-revision-gone", "Another model is served by now", False


class SourceRefusedError(SightlineError):
    """Let the stage's role read the object: docs/imports.md says what it needs."""

    status, slug, title, retryable = 403, "source-refused", "The source does not let us have it", False


class RateLimitedError(SightlineError):
    """Wait for Retry-After seconds."""

    status, slug, title, retryable = 429, "rate-limited", "Too many requests", True


class EndpointRefusedError(SightlineError):
    """The input cannot be embedded; repeating it will not help."""

    status, slug, title, retryable = 502, "endpoint-refused", "The model refused the input", False


class DeliveryNotKeptError(SightlineError):
    """Send the delivery again; monitoring tools do so by themselves."""

    status, slug, title, retryable = 503, "delivery-not-kept", "The delivery could not be kept", True


class DatabaseUnavailableError(SightlineError):
    """Try again shortly; a paused database needs some 15 seconds to resume."""

    status, slug, title, retryable = 503, "database-unavailable", "The database does not answer", True


class EndpointUnavailableError(SightlineError):
    """Try again shortly; the model is starting or busy."""

    status, slug, title, retryable = 503, "endpoint-unavailable", "The model does not answer", True


class WriterUnavailableError(SightlineError):
    """Nothing to do: what the model should have written is taken from the passages word by word."""

    status, slug, title, retryable = 503, "writer-unavailable", "The writing model does not answer", True


class IdentityUnavailableError(SightlineError):
    """Try again shortly."""

    status, slug, title, retryable = 503, "identity-unavailable", "Sign-in does not answer", True


def every_error(root: type[SightlineError] = SightlineError) -> Iterator[type[SightlineError]]:
    """Each concrete class of the tree."""
    for child in root.__subclasses__():
        yield child
        yield from every_error(child)


def problem_table() -> dict[str, type[SightlineError]]:
    """Problem slug -> error class: what /problems/{slug} and docs/problems.md are made from."""
    return {error.slug: error for error in every_error()}
