"""Accounts and sign-in."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Registration:
    """A new account, and where its confirmation code went (masked)."""

    user_id: str
    confirmation_sent_to: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in gives; refresh_token is empty after a refresh."""

    access_token: str
    id_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class Profile:
    """Who an access token belongs to."""

    user_id: str
    email: str
    name: str


class Identity(Protocol):
    """Accounts and sign-in, kept by an identity provider."""

    def sign_up(self, *, email: str, password: str, name: str) -> Registration: ...
    def confirm(self, *, email: str, code: str) -> None: ...
    def resend_code(self, *, email: str) -> None:
        """Sends another confirmation code, where an account waits for one; never says whether one does."""
        ...

    def forgot_password(self, *, email: str) -> None:
        """Sends a code to set a new password with, where there is such an account; never says whether."""
        ...

    def reset_password(self, *, email: str, code: str, password: str) -> None: ...
    def sign_in(self, *, email: str, password: str) -> Tokens: ...
    def refresh(self, *, refresh_token: str) -> Tokens: ...
    def profile(self, *, access_token: str) -> Profile: ...
    def sign_out(self, *, access_token: str) -> None: ...
    def delete(self, *, access_token: str) -> None: ...


class TokenVerifier(Protocol):
    """Says whose access token this is."""

    def verify(self, token: str) -> str:
        """The user's id. Raises: UnauthenticatedError, IdentityUnavailableError."""
        ...
