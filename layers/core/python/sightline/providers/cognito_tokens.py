"""Checks Cognito access tokens against the pool's published keys; no boto3: every request waits."""

import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import jwt

from sightline.errors import IdentityUnavailableError, UnauthenticatedError

# Cognito rotates signing keys rarely and publishes the new one beside the old.
KEYS_LIVE_S = 3600.0
# Tokens with made-up key ids must not make us fetch for each.
REFETCH_PAUSE_S = 30.0
FETCH_TIMEOUT_S = 3.0
MAX_KEYS_BYTES = 64 * 1024
# Clocks of two services differ by this much at most.
LEEWAY_S = 5


class CognitoTokens:
    """Access tokens of one app client of one pool."""

    def __init__(
        self,
        *,
        pool_id: str,
        client_id: str,
        keys_base_url: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        region = pool_id.partition("_")[0]
        self._issuer = f"https://cognito-idp.{region}.amazonaws.com/{pool_id}"
        base = f"{keys_base_url.rstrip('/')}/{pool_id}" if keys_base_url else self._issuer
        self._keys_url = f"{base}/.well-known/jwks.json"
        if urlsplit(self._keys_url).scheme not in ("https", "http"):
            raise ValueError("Signing keys are fetched over https, or http from an emulator.")
        self._client_id = client_id
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._clock = clock
        self._fetched_at = self._asked_at = float("-inf")

    def verify(self, token: str) -> str:
        """The user's id. Raises: UnauthenticatedError, IdentityUnavailableError."""
        try:
            header = jwt.get_unverified_header(token)
            claims = jwt.decode(
                token,
                self._key(header),
                algorithms=["RS256"],
                issuer=self._issuer,
                leeway=LEEWAY_S,
                # An access token names its client in client_id and has no aud.
                options={"require": ["exp", "iat", "iss", "sub"], "verify_aud": False},
            )
        except jwt.PyJWTError as error:
            raise UnauthenticatedError(f"token refused: {type(error).__name__}") from error
        if claims.get("token_use") != "access":
            raise UnauthenticatedError("token refused: not an access token")
        if not hmac.compare_digest(str(claims.get("client_id")).encode(), self._client_id.encode()):
            raise UnauthenticatedError("token refused: issued to another client")
        return str(claims["sub"])

    def _key(self, header: Mapping[str, Any]) -> jwt.PyJWK:
        kid = header.get("kid")
        if header.get("alg") != "RS256" or not isinstance(kid, str):
            raise UnauthenticatedError("token refused: unexpected algorithm or key id")
        now = self._clock()
        stale = kid not in self._keys or now - self._fetched_at > KEYS_LIVE_S
        if not self._keys or (stale and now - self._asked_at > REFETCH_PAUSE_S):
            self._fetch(now)
        if kid not in self._keys:
            raise UnauthenticatedError("token refused: signed by an unknown key")
        return self._keys[kid]

    def _fetch(self, now: float) -> None:
        """Replaces the keys; keeps the old ones when the pool does not answer."""
        self._asked_at = now
        try:
            # The address is made from the pool's id in the settings, never from the token.
            with urlopen(self._keys_url, timeout=FETCH_TIMEOUT_S) as answer:  # noqa: S310
                published = json.loads(answer.read(MAX_KEYS_BYTES))["keys"]
            keys = {item["kid"]: jwt.PyJWK(item, algorithm="RS256") for item in published}
        except (URLError, TimeoutError, ConnectionError, ValueError, KeyError, jwt.PyJWTError) as error:
            if self._keys:
                return
            raise IdentityUnavailableError from error
        self._keys, self._fetched_at = keys, now
