"""What goes over the wire about dead letters."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from sightline.incidents.schemas import Shape


class DeadLetterSummary(Shape):
    """A delivery that could not be read however often it was tried."""

    id: UUID = Field(description="The delivery's.")
    source_id: str
    code: str = Field(description="Of the problem that it ended with.")
    reason: str
    died_at: datetime


class DeadLetterAnswer(DeadLetterSummary):
    """With what was sent."""

    raw_payload: str | None = Field(
        description="Null where it was long and lies in S3, or was a request of ours."
    )


class DeadLetterPage(Shape):
    items: list[DeadLetterSummary]
    next_cursor: str | None


class RedrivenAnswer(Shape):
    """How many dead letters were sent again."""

    redriven: int
    more: bool = Field(description="There are more: call again.")
