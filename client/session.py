"""Who is calling, and where to: an API key, or a sign-in that renews itself."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from client.credentials import Credentials, SignIn
from client.errors import ApiError, NoAddressError
from client.shapes import Tokens

# This machine is never behind a proxy, whatever HTTP_PROXY says and NO_PROXY leaves out.
_LOOPBACK = ("all://127.0.0.1", "all://localhost", "all://[::1]")
NO_ADDRESS = "No address to talk to. Start the local cloud (sightline up), or give --api URL."


def local_home() -> Path:
    """The local cloud's folder: SIGHTLINE_HOME, or .sightline beside the sources."""
    return Path(os.environ.get("SIGHTLINE_HOME") or Path(__file__).resolve().parent.parent / ".sightline")


def local_api_url(home: Path | None = None) -> str | None:
    """The address of the local cloud, as long as it runs; a killed one leaves its file."""
    try:
        state = json.loads(((home or local_home()) / "cloud.json").read_text())
        os.kill(int(state["pid"]), 0)
        return str(state["api_url"])
    except PermissionError:
        return str(state["api_url"])
    except (FileNotFoundError, ProcessLookupError, ValueError, KeyError):
        return None


def find_api_url(given: str | None, credentials: Credentials) -> str:
    """The address: given, SIGHTLINE_API_URL, a running local cloud, or the one signed in to last.

    Raises: NoAddressError.
    """
    for url in (given, os.environ.get("SIGHTLINE_API_URL"), local_api_url(), credentials.last_api_url()):
        if url:
            return url.rstrip("/")
    raise NoAddressError(NO_ADDRESS)


class Session:
    """The credential in use for one address."""

    def __init__(
        self,
        api_url: str,
        *,
        credentials: Credentials,
        api_key: str | None = None,
        workspace_id: str | None = None,
    ) -> None:
        self.api_url = api_url
        self._credentials = credentials
        self._api_key = api_key
        self._workspace_id = workspace_id
        self.exchange: Callable[[str], Tokens] | None = None
        self.only_workspace: Callable[[], str | None] | None = None

    @property
    def sign_in(self) -> SignIn | None:
        """The kept sign-in."""
        return self._credentials.get(self.api_url)

    def token(self) -> str | None:
        """What goes into the Authorization header."""
        if self._api_key:
            return self._api_key
        kept = self.sign_in
        if kept and kept.is_old() and kept.refresh_token:
            return self.renew() or kept.access_token
        return kept.access_token if kept else None

    def workspace_id(self) -> str | None:
        """The workspace asked for, the API key's, or the one chosen at sign-in."""
        if self._api_key and self._workspace_id is None and self.only_workspace:
            self._workspace_id = self.only_workspace()
        if self._api_key or self._workspace_id:
            return self._workspace_id
        kept = self.sign_in
        return kept.workspace_id if kept else None

    def renew(self) -> str | None:
        """A new access token for the refresh token; None when there is none or it is no longer taken."""
        kept = self.sign_in
        if self._api_key or self.exchange is None or not kept or not kept.refresh_token:
            return None
        try:
            tokens = self.exchange(kept.refresh_token)
        except ApiError as error:
            if error.status in (400, 401, 403):
                return None
            raise
        return self.keep(kept.email, tokens, workspace_id=kept.workspace_id, refresh=kept.refresh_token)

    def keep(
        self, email: str, tokens: Tokens, *, workspace_id: str | None, refresh: str | None = None
    ) -> str:
        """Remember a sign-in; a renewal may leave the refresh token out, which then stays."""
        sign_in = SignIn(
            email=email,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token or refresh,
            expires_at=time.time() + tokens.expires_in,
            workspace_id=workspace_id,
        )
        self._credentials.put(self.api_url, sign_in)
        return sign_in.access_token

    def forget(self) -> None:
        """Drop the sign-in."""
        self._credentials.forget(self.api_url)


def default_http() -> httpx.Client:
    """A client for the API and for signed storage addresses alike: it carries no credential by itself."""
    return httpx.Client(
        follow_redirects=False, headers={"User-Agent": "sightline-client"}, mounts=dict.fromkeys(_LOOPBACK)
    )
