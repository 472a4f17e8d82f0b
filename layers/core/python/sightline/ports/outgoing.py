"""What leaves for addresses that others name, and the secrets it is signed with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class Vault(Protocol):
    """Seals what only we may read again; what was sealed for one purpose opens for no other."""

    def seal(self, secret: bytes, *, purpose: Mapping[str, str]) -> bytes: ...
    def unseal(self, sealed: bytes, *, purpose: Mapping[str, str]) -> bytes: ...


class ChannelVault(Vault, Protocol):
    """Seals the secrets of notification channels."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of an attempt: the answer's status, or why there is none.

    body: the answer's, as far as the sender keeps any. begun: it may have arrived; False: it surely has not.
    """

    status: int | None
    error: str | None
    retry_after_s: float | None
    took_ms: int
    body: bytes = b""
    begun: bool = False


class WebhookSender(Protocol):
    """Posts to addresses that customers name, and to nothing that is not everybody's to reach."""

    def check(self, url: str) -> None:
        """Raises: ForbiddenAddressError."""
        ...

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Posted:
        """One attempt; follows no redirect and never raises for what the receiver does."""
        ...


class Pages(Protocol):
    """Pages at addresses that were checked before."""

    def fetch(self, address: str) -> bytes:
        """Over TLS, a few kilobytes, no redirects. Raises: DeliveryNotKeptError."""
        ...


@dataclass(frozen=True, slots=True)
class Mail:
    """A letter. conversation: the same for all that belong together."""

    to: Sequence[str]
    subject: str
    text: str
    html: str
    conversation: str


class Mailer(Protocol):
    """Sends mail from the stage's own address."""

    def send(self, mail: Mail) -> Posted:
        """One attempt, which nothing repeats by itself; never raises for what the service says."""
        ...
