"""What goes over the wire about alerts, and the shape every sender's alert takes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

Severity = Literal["critical", "high", "medium", "low", "info"]
Category = Literal[
    "availability", "latency", "errors", "capacity", "network", "database", "queue", "security",
    "deployment", "data", "cost", "other",
]  # fmt: skip
Team = Literal["platform", "application", "network", "database", "security", "release", "data", "finops"]
Status = Literal["firing", "recovered"]
Outcome = Literal["alerts", "no_alerts", "unparsed", "repeated"]
Trust = Literal["signed", "shared_secret", "none"]
Platform = Literal[
    "alertmanager", "cloudwatch", "datadog", "generic", "github", "grafana", "newrelic", "opsgenie",
    "pagerduty", "sentry", "uptimerobot",
]  # fmt: skip
Scheme = Literal["sentry", "pagerduty", "github", "grafana", "standard", "sns", "shared_secret"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAlert:
    """One alert of a delivery, in our words. external_id: what it and its recovery have in common."""

    external_id: str
    title: str
    description: str = ""
    recovered: bool = False
    severity: Severity | None = None
    service: str | None = None
    host: str | None = None
    environment: str | None = None
    region: str | None = None
    url: str | None = None
    occurred_at: datetime | None = None
    tags: dict[str, str] = field(default_factory=dict)


class Shape(BaseModel):
    """Closed: a misspelt field is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class SourceRequest(Shape):
    """A sender to be let in."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    platform: Platform
    scheme: Scheme | None = Field(default=None, description="How it proves itself; its platform's own way.")
    secret: SecretStr | None = Field(
        default=None,
        min_length=8,
        max_length=512,
        description="The sender's own; one is made where it has none.",
    )
    allow_unsigned: bool = Field(default=False, description="Take deliveries that prove nothing.")
    timestamp_header: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")] | None = Field(
        default=None, description="Grafana: the header with the time, where one is configured there."
    )
    topic_arns: list[
        Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:.+$")]
    ] = Field(default_factory=list, max_length=20, description="CloudWatch: the SNS topics that may deliver.")
    event_origins: list[
        Annotated[str, StringConstraints(pattern=r"^(\d{12}|aws\.partner/[A-Za-z0-9._/-]{1,240})$")]
    ] = Field(
        default_factory=list,
        max_length=20,
        description="EventBridge: AWS accounts (cloudwatch) or partners' event sources whose events are its.",
    )
    map: dict[str, Any] | None = Field(
        default=None, description="generic: JMESPath expressions for the fields of an alert."
    )


class RotateRequest(Shape):
    """A secret to take the place of the one in use."""

    secret: SecretStr | None = Field(
        default=None,
        min_length=8,
        max_length=512,
        description="The sender's own; one is made where it has none.",
    )


class SourceAnswer(Shape):
    """A source without its secrets."""

    id: str
    name: str
    platform: Platform
    scheme: Scheme
    path: str = Field(description="Where to deliver, after the API's address.")
    allow_unsigned: bool
    event_origins: list[str] = Field(description="EventBridge: whose events are its.")
    created_at: datetime


class SourceSecretAnswer(SourceAnswer):
    """A source as it was made: the one time that its secret is shown."""

    secret: str | None = Field(description="Null where the sender signs with a key of its own.")
    setup: str = Field(description="Where to paste address and secret.")


class SourcePage(Shape):
    items: list[SourceAnswer]
    next_cursor: str | None


class Judgement(Shape):
    """A label, who gave it, and how sure they are; a sender's own word has no confidence."""

    label: str
    by: str
    confidence: float | None


class Named(Shape):
    """Something that the alert's words name."""

    label: str
    text: str
    confidence: float
    source: str


class AlertAnswer(Shape):
    """One alert, from its first delivery to its recovery."""

    id: UUID
    source_id: str
    platform: Platform
    trust: Trust
    external_id: str
    status: Status
    title: str
    description: str
    severity: Judgement
    category: Judgement
    team: Judgement
    entities: list[Named]
    degraded: bool = Field(description="Rules judged what a model should have.")
    service: str | None
    host: str | None
    environment: str | None
    region: str | None
    url: str | None
    tags: dict[str, str]
    occurrences: int
    first_delivery_id: UUID
    last_delivery_id: UUID
    occurred_at: datetime
    received_at: datetime
    last_occurred_at: datetime
    recovered_at: datetime | None


class AlertPage(Shape):
    items: list[AlertAnswer]
    next_cursor: str | None


class DeliverySummary(Shape):
    """What arrived, and what became of it."""

    id: UUID
    source_id: str
    trust: Trust
    outcome: Outcome
    reason: str | None
    alerts: int
    received_at: datetime


class DeliveryAnswer(DeliverySummary):
    """With all that was sent but its secrets."""

    headers: dict[str, str]
    raw_payload: str = Field(description="As text; bytes that are no UTF-8 are shown as U+FFFD.")


class DeliveryPage(Shape):
    items: list[DeliverySummary]
    next_cursor: str | None


class ReplayAnswer(Shape):
    """A delivery that is read again."""

    id: UUID
    queued: bool
