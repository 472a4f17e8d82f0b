"""Shapes of notification channels and of what was told through them."""

from datetime import datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, EmailStr, Field, SecretStr, StringConstraints

from sightline.incidents.schemas import Severity, Shape, Team

ChannelKind = Literal["slack", "slack_bot", "email"]
NotificationStatus = Literal[
    "pending", "held", "sending", "sent", "superseded", "failed", "unknown", "cancelled"
]  # fmt: skip
MAX_CHANNELS = 50
NO_NUL = r"^[^\x00]*$"  # Postgres keeps no NUL in texts

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=NO_NUL)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
Url = Annotated[SecretStr, Field(min_length=1, max_length=2000)]
Secret = Annotated[SecretStr, Field(min_length=8, max_length=500)]
Addresses = Annotated[list[EmailStr], Field(min_length=1, max_length=20)]


class QuietHours(Shape):
    """When only what is grave is told at once; the rest waits for the end."""

    timezone: Annotated[
        str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$")
    ] = Field(default="UTC", description="As the IANA database names it: Europe/Berlin.")
    begin: time = Field(description="By the clock of that place; an end before it is on the next day.")
    end: time
    breaks_through: list[Severity] = Field(
        default=["critical"], max_length=5, description="Severities that are told at any hour."
    )


class Filters(Shape):
    """What a channel is told of; an empty list asks for nothing."""

    min_severity: Severity = "info"
    services: list[Word] = Field(default_factory=list, max_length=100, description="Any of these.")
    teams: list[Team] = Field(default_factory=list, max_length=20, description="Any of these.")


class ChannelRequest(Shape):
    """Where incidents are told, and which."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"kind": "email", "name": "On call", "addresses": ["oncall@example.com"]},
                {
                    "kind": "slack",
                    "name": "#incidents",
                    "url": "https://hooks.slack.com/services/T000/B000/secret",
                    "filters": {"min_severity": "high"},
                },
            ]
        },
    )

    kind: ChannelKind
    name: Name
    url: Url | None = Field(default=None, description="slack: the incoming webhook's address, a secret.")
    token: Secret | None = Field(default=None, description="slack_bot: the bot token, xoxb-...")
    signing_secret: Secret | None = Field(
        default=None, description="slack_bot: the app's signing secret, which its buttons are proven by."
    )
    conversation: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,30}$")] | None = Field(
        default=None, description="slack_bot: the id of the Slack channel, C0123456789."
    )
    api_url: Annotated[str, StringConstraints(pattern=r"^[!-~]+$", max_length=200)] | None = Field(
        default=None, description="slack_bot: where Slack's Web API is; local stages only."
    )
    addresses: Addresses | None = Field(default=None, description="email: who is written to.")
    filters: Filters = Filters()
    quiet_hours: QuietHours | None = None


class ChannelChange(Shape):
    """What is given takes the place of what was; `quiet_hours: null` ends them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"enabled": False}]})

    name: Name | None = None
    url: Url | None = None
    token: Secret | None = None
    signing_secret: Secret | None = None
    addresses: Addresses | None = None
    filters: Filters | None = None
    quiet_hours: QuietHours | None = None
    enabled: bool | None = None


class ChannelAnswer(Shape):
    """A channel without its secrets."""

    id: UUID
    kind: ChannelKind
    name: str
    settings: dict[str, Any] = Field(description="Where it leads, as far as that is no secret.")
    filters: Filters
    quiet_hours: QuietHours | None
    enabled: bool
    last_error: str | None = Field(description="Of the latest attempt; none when it went well.")
    interactions_path: str | None = Field(
        description="slack_bot: what to give Slack as Request URL, after the API's address."
    )
    created_at: datetime
    updated_at: datetime


class ChannelPage(Shape):
    items: list[ChannelAnswer]
    next_cursor: str | None


class NotificationAnswer(Shape):
    """One change of an incident, on its way to one channel."""

    id: UUID
    channel_id: UUID
    channel: str = Field(description="Its name.")
    incident_id: UUID | None = Field(description="None: a test.")
    incident_number: int | None = Field(description="12 of INC-12.")
    version: int = Field(description="The incident's version that is told of.")
    status: NotificationStatus
    attempts: int
    last_status: int | None = Field(description="HTTP status of the latest answer.")
    last_error: str | None
    created_at: datetime
    ended_at: datetime | None


class NotificationPage(Shape):
    items: list[NotificationAnswer]
    next_cursor: str | None


class RenderedCall(Shape):
    """One call that would be made, without its secrets."""

    to: str
    body: dict[str, Any]


class Rendered(Shape):
    """What a channel would be sent now, or why it would be sent nothing."""

    channel_id: UUID
    name: str
    kind: ChannelKind
    told: bool
    reason: str | None
    calls: list[RenderedCall]


class DryRunAnswer(Shape):
    """Per channel what would be sent; nothing was."""

    items: list[Rendered]


class IncidentData(Shape):
    """What a webhook is told of a change: the incident as it is when it is told."""

    workspace_id: UUID
    incident_id: UUID
    number: int = Field(description="INC-12 is number 12 of its workspace.")
    change: int = Field(description="The version that is told of.")
    version: int = Field(
        description="The version that this shows: later than `change` where more has happened."
    )
    kinds: list[str] = Field(description="What changed: opened, severity_changed, resolved, ...")
    title: str
    status: Literal["gathering", "open", "investigating", "resolved", "merged"] = Field(
        description="gathering: it was withdrawn, its alerts belong to another incident."
    )
    severity: Severity
    services: list[str]
    environment: str | None
    owner: str | None
    alert_count: int
    firing_count: int
    opened_at: datetime | None
    resolved_at: datetime | None
    merged_into: UUID | None
    url: str | None = Field(description="In the console, where the stage has one.")


class IncidentMessage(Shape):
    """incident.opened, incident.changed and incident.resolved."""

    type: Literal["incident.opened", "incident.changed", "incident.resolved"]
    timestamp: datetime
    data: IncidentData
