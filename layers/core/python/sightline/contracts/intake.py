"""What the webhook function reads and writes: a source as its parameter holds it, and where deliveries go.

Standard library only: this is on the path of a cold call.
"""

import json
from dataclasses import asdict, dataclass
from typing import Protocol, Self


@dataclass(frozen=True, slots=True)
class Source:
    """One sender's address. scheme: how it signs; topic_arns: the SNS topics it may be."""

    workspace_id: str
    platform: str
    scheme: str
    secrets: tuple[str, ...] = ()
    allow_unsigned: bool = False
    timestamp_header: str | None = None
    topic_arns: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """From the parameter it is kept in."""
        fields = json.loads(text)
        secrets, topic_arns = (tuple(fields.pop(name)) for name in ("secrets", "topic_arns"))
        return cls(secrets=secrets, topic_arns=topic_arns, **fields)

    def as_text(self) -> str:
        """For the parameter."""
        return json.dumps(asdict(self))


class SourceBook(Protocol):
    """Sources by id; None for one that is not there. Raises: DeliveryNotKeptError."""

    def find(self, source_id: str) -> Source | None: ...


class Outbox(Protocol):
    """Where deliveries go. Raises: DeliveryNotKeptError."""

    def send(self, message: str) -> None: ...
    def keep(self, key: str, body: bytes) -> None: ...


class SourceKeys(SourceBook, Protocol):
    """The sources with their secrets, to be written."""

    def keep(self, source_id: str, source: Source) -> None: ...
    def forget(self, source_id: str) -> None: ...
