"""What goes over the wire about alerts, and the shape every sender's alert takes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

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
