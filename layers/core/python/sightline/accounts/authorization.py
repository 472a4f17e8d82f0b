"""Decides who a bearer token belongs to and what they are in the asked-for workspace.

Apart from pipeline.py because the authorizer runs before every request: it loads neither fastapi nor schemas.
"""

import hmac
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sightline.accounts.rules import api_key_hash, is_api_key
from sightline.database import transaction
from sightline.errors import UnauthenticatedError
from sightline.ports.identity import TokenVerifier
from sightline.principal import Principal
from sightline.telemetry import logger

# A Cognito access token is about 1 KB; API Gateway takes 10 KB of headers.
MAX_TOKEN_CHARS = 8192

DENIED: dict[str, Any] = {"isAuthorized": False}


def answer(event: Mapping[str, Any], verifier: TokenVerifier) -> dict[str, Any]:
    """The HTTP API's simple response, from the identity sources alone: they are the cache's key."""
    sources = list(event.get("identitySource") or [])
    try:
        principal = identify(*_credentials(sources), verifier=verifier)
    except UnauthenticatedError as error:
        logger.info("denied", reason=error.detail)
        return DENIED
    return {"isAuthorized": True, "context": principal.as_context()}


def _credentials(sources: list[str]) -> tuple[str, str | None]:
    scheme, _, token = (sources[0] if sources else "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN_CHARS or not token.isascii():
        raise UnauthenticatedError("no bearer token")
    if len(sources) < 2:
        return token, None
    try:
        return token, str(UUID(sources[1]))
    except ValueError as error:
        raise UnauthenticatedError("workspace id is not a UUID") from error


def identify(token: str, workspace_id: str | None, *, verifier: TokenVerifier) -> Principal:
    """Who this is, in this workspace or (None) on their own account. Raises: UnauthenticatedError."""
    if is_api_key(token):
        return _api_key(token, workspace_id)
    user_id = verifier.verify(token)
    if workspace_id is None:
        return Principal(principal_id=user_id, kind="user")
    with transaction() as connection:
        row = connection.execute("SELECT app.membership(%s, %s) AS role", (user_id, workspace_id)).fetchone()
    if row is None or row["role"] is None:
        raise UnauthenticatedError("not a member of the workspace")
    return Principal(principal_id=user_id, kind="user", workspace_id=workspace_id, role=row["role"])


def _api_key(key: str, workspace_id: str | None) -> Principal:
    digest = api_key_hash(key)
    with transaction(durable=False) as connection:  # it notes when the key was used
        row = connection.execute("SELECT * FROM app.key_principal(%s)", (digest,)).fetchone()
    if row is None or not hmac.compare_digest(bytes(row["key_hash"]), digest):
        raise UnauthenticatedError("API key is unknown, revoked or expired")
    if workspace_id not in (None, str(row["workspace_id"])):
        raise UnauthenticatedError("API key belongs to another workspace")
    return Principal(
        principal_id=str(row["id"]),
        kind="api_key",
        workspace_id=str(row["workspace_id"]),
        role=row["role"],
        scopes=frozenset(row["scopes"]),
    )
