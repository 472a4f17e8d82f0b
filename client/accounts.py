"""Accounts, sign-in and API keys of the Python client."""

from collections.abc import Sequence

from client.session import Session
from client.shapes import ApiKey, Me, Tokens
from client.transport import Transport


class Accounts:
    """Who may call, and with what."""

    def __init__(self, api: Transport, session: Session) -> None:
        self._api = api
        self._session = session
        session.exchange = self._refresh
        session.only_workspace = self._only_workspace

    def register(self, email: str, password: str, *, name: str | None = None) -> str:
        """Ask for an account; returns where the confirmation code was sent."""
        body = {"email": email, "password": password, **({"name": name} if name else {})}
        answer = self._api.call("POST", "/v1/auth/register", json=body, signed=False, creates=True)
        return str(answer["confirmation_sent_to"])

    def confirm(self, email: str, code: str) -> None:
        """Confirm the account with the code that was sent."""
        self._api.call("POST", "/v1/auth/confirm", json={"email": email, "code": code}, signed=False)

    def resend_code(self, email: str) -> None:
        """Ask for another confirmation code; whether the address has an account is not told."""
        self._api.call("POST", "/v1/auth/resend-code", json={"email": email}, signed=False)

    def forgot_password(self, email: str) -> None:
        """Ask for a code to set a new password with; whether the address has an account is not told."""
        self._api.call("POST", "/v1/auth/forgot-password", json={"email": email}, signed=False)

    def reset_password(self, email: str, code: str, password: str) -> None:
        """Set a new password with the code that was sent; every session ends."""
        body = {"email": email, "code": code, "password": password}
        self._api.call("POST", "/v1/auth/reset-password", json=body, signed=False)

    def login(self, email: str, password: str) -> Me:
        """Sign in, keep the tokens, and work in the first workspace from now on."""
        answer = self._api.call(
            "POST", "/v1/auth/login", json={"email": email, "password": password}, signed=False
        )
        tokens = Tokens.of(answer)
        self._session.keep(email, tokens, workspace_id=None)
        me = self.me()
        first = me.workspaces[0].id if me.workspaces else None
        self._session.keep(email, tokens, workspace_id=first)
        return me

    def _refresh(self, refresh_token: str) -> Tokens:
        body = {"refresh_token": refresh_token}
        return Tokens.of(self._api.call("POST", "/v1/auth/refresh", json=body, signed=False))

    def _only_workspace(self) -> str | None:
        """An API key belongs to one workspace."""
        items = self._api.call("GET", "/v1/workspaces", in_workspace=False)["items"]
        return str(items[0]["id"]) if items else None

    def logout(self) -> None:
        """End the sign-in here and on the server."""
        try:
            self._api.call("POST", "/v1/auth/logout", in_workspace=False)
        finally:
            self._session.forget()

    def me(self) -> Me:
        """Who is signed in, and their workspaces."""
        return Me.of(self._api.call("GET", "/v1/users/me", in_workspace=False))

    def api_keys(self) -> list[ApiKey]:
        """The workspace's API keys."""
        return [ApiKey.of(item) for item in self._api.pages("/v1/api-keys", {})]

    def create_api_key(self, name: str, *, role: str, scopes: Sequence[str] = ()) -> ApiKey:
        """A new key; only this answer holds it."""
        body = {"name": name, "role": role, **({"scopes": list(scopes)} if scopes else {})}
        return ApiKey.of(self._api.call("POST", "/v1/api-keys", json=body, creates=True))

    def revoke_api_key(self, key_id: str) -> None:
        """End a key."""
        self._api.call("DELETE", f"/v1/api-keys/{key_id}")
