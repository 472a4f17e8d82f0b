"""What goes over the wire about incidents, and the shapes that decisions about them are made on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from sightline.incidents.schemas import AlertAnswer, Severity, Shape

IncidentStatus = Literal["gathering", "open", "investigating", "resolved", "merged"]
UNTOLD = frozenset({"alert_joined", "noted"})
"""Kinds of events that people are not told of."""
SettableStatus = Literal["open", "investigating", "resolved"]
EventKind = Literal[
    "opened", "severity_changed", "status_changed", "owner_changed", "title_changed", "alert_joined",
    "merged", "split", "snoozed", "unsnoozed", "reopened", "resolved", "withdrawn", "summarised",
    "noted", "alerts_reached",
]  # fmt: skip
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=r"^[^\x00-\x1f]+$")
]
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000, pattern=r"^[^\x00]+$")
]


@dataclass(frozen=True, slots=True)
class Settings:
    """When a workspace is told of an incident, and when it is over."""

    alerts_needed: int = 2
    opens_at_once: Severity | None = "high"
    reopen_s: int = 1800
    auto_resolve: bool = True
    resolve_after_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """An incident as its alerts say; muted ones (maintenance) do not count towards telling anybody."""

    alerts: int
    firing: int
    loud: int  # counted towards opening; one that fires again and again is one
    loud_severity: Severity | None
    loud_since: datetime | None  # when the latest of those that fire was heard
    quiet_since: datetime | None  # when the last of them recovered
    muted_until: datetime | None  # the next end of a maintenance that holds a firing one back


@dataclass(frozen=True, slots=True)
class IncidentChange:
    """What a person changes: what is None stays as it is. An empty owner is nobody."""

    status: SettableStatus | None = None
    owner: str | None = None
    severity: Severity | None = None
    title: str | None = None
    snoozed_until: datetime | None = None
    note: str | None = None


class ChangeRequest(Shape):
    """What is given takes the place of what was."""

    status: SettableStatus | None = None
    owner: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f]*$")] | None = Field(
        default=None, description="Whoever looks after it; empty: nobody."
    )
    severity: Severity | None = None
    title: Line | None = None
    note: Text | None = Field(default=None, description="Why; with `resolved`, what resolved it.")


class SnoozeRequest(Shape):
    """Tells nobody of it for a while."""

    until: AwareDatetime | None = Field(default=None, description="Null ends a snooze.")


class MergeRequest(Shape):
    """Incidents that are one and the same."""

    incident_ids: list[UUID] = Field(min_length=1, max_length=50, description="Go into the one in the path.")


class SplitRequest(Shape):
    """Alerts that are another matter."""

    alert_ids: list[UUID] = Field(min_length=1, max_length=1000)


class NoteRequest(Shape):
    text: Text


class IncidentAnswer(Shape):
    """One incident."""

    id: UUID
    number: int = Field(description="Counted in its workspace: 12 is INC-12.")
    title: str
    status: IncidentStatus
    severity: Severity
    services: list[str]
    environment: str | None
    owner: str | None
    alert_count: int
    firing_count: int
    opened_at: datetime | None
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None
    first_alert_at: datetime
    last_alert_at: datetime
    snoozed_until: datetime | None
    merged_into: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime


class IncidentPage(Shape):
    items: list[IncidentAnswer]
    next_cursor: str | None


class Because(Shape):
    """Why an alert is in its incident."""

    score: float | None = Field(description="Null where there was nothing to compare with.")
    because: list[str]
    alert_id: UUID | None = Field(description="The alert it was linked to.")


class MemberAnswer(AlertAnswer):
    """An alert of an incident."""

    joined_because: Because


class MemberPage(Shape):
    items: list[MemberAnswer]
    next_cursor: str | None


class EventAnswer(Shape):
    """Something that was done: who or what, when, from what, to what, and why."""

    id: UUID
    at: datetime
    actor: str = Field(description="system, user:<id>, key:<id> or slack:<id>.")
    kind: EventKind
    version: int
    before: dict[str, Any]
    after: dict[str, Any]
    reason: str


class EventPage(Shape):
    items: list[EventAnswer]
    next_cursor: str | None


class SimilarIncident(Shape):
    """An earlier incident, and what resolved it."""

    id: UUID
    number: int
    title: str
    severity: Severity
    services: list[str]
    similarity: float
    opened_at: datetime | None
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None


class SimilarAnswer(Shape):
    items: list[SimilarIncident]


class SettingsBody(Shape):
    """When a workspace is told of an incident, and when it is over."""

    alerts_needed: int = Field(
        default=2, ge=1, le=1000, description="So many different alerts open an incident."
    )
    opens_at_once: Severity | None = Field(
        default="high", description="One alert of this severity or a graver one opens it; null: none does."
    )
    reopen_s: int = Field(
        default=1800,
        ge=0,
        le=86_400,
        description="Seconds in which the same alert again is no new incident.",
    )
    auto_resolve: bool = Field(default=True, description="Resolved once every alert has recovered.")
    resolve_after_s: int = Field(
        default=0, ge=0, le=3600, description="Seconds without a firing alert before that."
    )


Names = Annotated[list[Line], Field(max_length=200)]


class MaintenanceRequest(Shape):
    """A time in which alerts are kept and nobody is told."""

    reason: Line
    services: Names = Field(default=[], description="None: every service.")
    environments: Names = Field(default=[], description="None: every environment.")
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class MaintenanceAnswer(MaintenanceRequest):
    id: UUID
    created_by: str
    created_at: datetime


class MaintenancePage(Shape):
    items: list[MaintenanceAnswer]
    next_cursor: str | None


class ServiceMapBody(Shape):
    """What stands on what: an alert of a service may belong to one of what it depends on."""

    services: dict[Line, Names] = Field(
        max_length=2000, description="Service -> the services it depends on, by the names that alerts give."
    )
