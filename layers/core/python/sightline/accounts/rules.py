"""What is allowed among accounts, decided without looking anything up."""

import hashlib
import json
import secrets
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from sightline.errors import ForbiddenError, LastAdminError, ValidationError
from sightline.principal import Principal, outranks

KEY_PREFIX = "slk_"
HINT_CHARS = len(KEY_PREFIX) + 6
MAX_PREFERENCES_BYTES = 16 * 1024


def new_api_key() -> str:
    """A key with 256 random bits; the prefix lets people and secret scanners recognise it."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def is_api_key(token: str) -> bool:
    """Whether a bearer token is one of our keys and not a JWT."""
    return token.startswith(KEY_PREFIX)


def api_key_hash(key: str) -> bytes:
    """What is kept of a key. A slow hash protects guessable secrets; 256 random bits are not."""
    return hashlib.sha256(key.encode()).digest()


def check_key_grant(principal: Principal, *, role: str, scopes: Collection[str]) -> None:
    """Nobody hands out more than they have. Raises: ForbiddenError."""
    if not outranks(principal.role, role):
        raise ForbiddenError("A key cannot have a higher role than its maker.")
    if principal.kind == "api_key" and not set(scopes) <= principal.scopes:
        raise ForbiddenError("A key cannot have scopes that its maker lacks.")


def check_expiry(expires_at: datetime | None, *, now: datetime | None = None) -> None:
    """Raises: ValidationError for a key that would never work."""
    if expires_at is not None and expires_at <= (now or datetime.now(UTC)):
        raise ValidationError(
            "The key would have expired already.",
            errors=[{"field": "body.expires_at", "message": "Must lie in the future."}],
        )


def check_admin_left(roles: Mapping[str, str], *, user_id: str, new_role: str | None) -> None:
    """Raises: LastAdminError when the change (None: leaving) would leave a workspace without an admin."""
    after = {**roles, user_id: new_role}
    if roles.get(user_id) == "admin" and "admin" not in after.values():
        raise LastAdminError("Make somebody else an admin first, or delete the workspace.")


def check_preferences(preferences: Mapping[str, Any]) -> None:
    """Raises: ValidationError when they would not fit."""
    if len(json.dumps(preferences).encode()) > MAX_PREFERENCES_BYTES:
        raise ValidationError(
            "Preferences are too large.",
            errors=[{"field": "body.preferences", "message": f"At most {MAX_PREFERENCES_BYTES} bytes."}],
        )
