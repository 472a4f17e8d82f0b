"""What goes over the wire about summaries, and the facts they are written from."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import Field

from sightline.incidents.schemas import Shape


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that is so, and the alerts it is known from."""

    text: str
    alert_ids: tuple[UUID, ...]


class SummarySentence(Shape):
    """One sentence, and the alerts it rests on."""

    text: str
    alert_ids: list[UUID] = Field(description="At most 50 of them, the first first.")
    alerts: int = Field(description="How many there are.")


class SummaryAnswer(Shape):
    """What was written of one version of an incident."""

    id: UUID
    incident_id: UUID
    of_version: int = Field(description="The incident's version when it was read.")
    because: str = Field(description="What made it be written: the kind of a change, or `asked`.")
    sentences: list[SummarySentence]
    written_by: str = Field(description="`extractive`, or the model's name.")
    degraded: bool = Field(description="The stage's writer failed, and the one without a model stood in.")
    created_at: datetime


class SummaryPage(Shape):
    items: list[SummaryAnswer]
    next_cursor: str | None


class SummaryRequested(Shape):
    """A summary will be written, unless the latest still says it all."""

    incident_id: UUID
    of_version: int = Field(description="The incident's version now: the summary will be of it or a later.")
    current: bool = Field(description="The latest summary says it all already; nothing will be written.")
