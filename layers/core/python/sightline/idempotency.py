"""Idempotency-Key: the answer to a creating POST is kept for a day and given again, not done again."""

import hashlib
from dataclasses import dataclass

from psycopg.types.json import Jsonb

from sightline.database import transaction
from sightline.errors import (
    AlreadyCreatedError,
    IdempotencyKeyReusedError,
    RequestInProgressError,
)

# A Lambda behind API Gateway lives 30 s at most: an older claim belongs to a process that died.
CLAIM_S = 60
KEEP_S = 86_400


@dataclass(frozen=True, slots=True)
class Claim:
    """One key of one principal for one request."""

    workspace_id: str | None
    key_hash: bytes
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The answer given the first time."""

    status: int
    body: object


def claim_for(
    *, workspace_id: str | None, principal_id: str, method: str, path: str, key: str, body: bytes
) -> Claim:
    """Who asked, where and with which key, hashed; and what was asked, hashed."""
    who = "\0".join((workspace_id or "", principal_id, method, path, key))
    return Claim(
        workspace_id=workspace_id or None,
        key_hash=hashlib.sha256(who.encode()).digest(),
        request_hash=hashlib.sha256(body).digest(),
    )


def begin(claim: Claim) -> KeptAnswer | None:
    """Takes the key, or gives the kept answer.

    Raises: IdempotencyKeyReusedError, RequestInProgressError, AlreadyCreatedError.
    """
    with transaction(claim.workspace_id) as connection:
        taken = connection.execute(_TAKE, _values(claim)).fetchone()
        if taken:
            return None
        row = connection.execute(_READ, (claim.key_hash,)).fetchone()
    if row is None:
        raise RequestInProgressError(retry_after_s=1)
    if bytes(row["request_hash"]) != claim.request_hash:
        raise IdempotencyKeyReusedError
    if row["status"] is None:
        raise RequestInProgressError(retry_after_s=1)
    if row["body"] is None:
        raise AlreadyCreatedError("The first answer carried a secret and was not kept.")
    return KeptAnswer(status=row["status"], body=row["body"])


def finish(claim: Claim, *, status: int, body: object) -> None:
    """Keeps the answer; None for a body that carried a secret."""
    with transaction(claim.workspace_id) as connection:
        connection.execute(
            "UPDATE idempotency SET status = %s, body = %s WHERE key_hash = %s AND status IS NULL",
            (status, None if body is None else Jsonb(body), claim.key_hash),
        )


def release(claim: Claim) -> None:
    """Gives the key back after a failure, so that the request can be made again."""
    with transaction(claim.workspace_id) as connection:
        connection.execute(
            "DELETE FROM idempotency WHERE key_hash = %s AND status IS NULL", (claim.key_hash,)
        )


def _values(claim: Claim) -> dict[str, object]:
    return {
        "workspace_id": claim.workspace_id,
        "key_hash": claim.key_hash,
        "request_hash": claim.request_hash,
        "claim_s": CLAIM_S,
        "keep_s": KEEP_S,
    }


_TAKE = """
INSERT INTO idempotency AS kept (key_hash, workspace_id, request_hash, claimed_until, expires_at)
VALUES (%(key_hash)s, %(workspace_id)s, %(request_hash)s,
        now() + make_interval(secs => %(claim_s)s), now() + make_interval(secs => %(keep_s)s))
ON CONFLICT (key_hash) DO UPDATE
SET request_hash = excluded.request_hash, claimed_until = excluded.claimed_until,
    expires_at = excluded.expires_at, status = NULL, body = NULL
WHERE kept.expires_at < now() OR (kept.status IS NULL AND kept.claimed_until < now())
RETURNING key_hash
"""

_READ = "SELECT request_hash, status, body FROM idempotency WHERE key_hash = %s"
