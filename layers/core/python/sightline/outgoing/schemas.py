"""Shapes of webhook endpoints and of what was sent to them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

EventType = Literal[
    "search.matched", "incident.opened", "incident.changed", "incident.resolved", "webhook.test"
]  # fmt: skip
TEST: EventType = "webhook.test"
DeliveryStatus = Literal["pending", "delivered", "failed", "cancelled"]
MAX_ENDPOINTS = 50
NO_NUL = r"^[^\x00]*$"  # Postgres keeps no NUL in texts

Url = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[!-~]+$")]
Description = Annotated[str, StringConstraints(max_length=500, pattern=NO_NUL)]
Subscribed = Literal["search.matched", "incident.opened", "incident.changed", "incident.resolved"]
Subscription = Annotated[list[Subscribed], Field(min_length=1, max_length=20)]


class Shape(BaseModel):
    """Closed: a misspelt field is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class EndpointRequest(Shape):
    """Where to send, and what."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "url": "https://hooks.example.com/sightline",
                    "description": "Triage bot",
                    "event_types": ["search.matched"],
                }
            ]
        },
    )

    url: Url = Field(description="https, port 443, a name or address that the whole internet can reach.")
    description: Description = ""
    event_types: Subscription = ["search.matched"]


class EndpointChange(Shape):
    """What is given takes the place of what was."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"enabled": False}]})

    url: Url | None = None
    description: Description | None = None
    event_types: Subscription | None = None
    enabled: bool | None = None


class SecretAnswer(Shape):
    """One of the secrets that messages are signed with; the secret itself is shown once."""

    id: UUID
    created_at: datetime
    expires_at: datetime | None = Field(description="When it stops signing: it was replaced by a newer one.")


class EndpointAnswer(Shape):
    id: UUID
    url: str
    description: str
    event_types: list[str]
    enabled: bool
    disabled_reason: str | None = Field(description="Why Sightline switched it off, if it did.")
    secrets: list[SecretAnswer] = Field(description="The live ones, newest first: one, or two in a rotation.")
    created_at: datetime
    updated_at: datetime


class EndpointSecretAnswer(EndpointAnswer):
    secret: str = Field(description="whsec_..., shown once: keep it where messages are verified.")


class EndpointPage(Shape):
    items: list[EndpointAnswer]
    next_cursor: str | None


class RotateRequest(Shape):
    """A new secret; the old one signs beside it for a while, so that receivers can change over."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"keep_old_s": 86400}]})

    keep_old_s: int = Field(
        default=86_400, ge=0, le=7 * 86_400, description="Seconds for which the old secret signs too."
    )


class AttemptAnswer(Shape):
    """One try."""

    at: datetime
    status: int | None = Field(description="HTTP status of the answer; none without an answer.")
    error: str | None
    took_ms: int


class DeliveryAnswer(Shape):
    """One message on its way to one endpoint."""

    id: UUID
    message_id: UUID = Field(description="The header webhook-id: the same in every attempt.")
    endpoint_id: UUID
    event_type: str
    status: DeliveryStatus
    attempts: int
    next_attempt_at: datetime | None = Field(description="While it is pending.")
    last_status: int | None
    last_error: str | None
    history: list[AttemptAnswer] = Field(description="The latest attempts, newest last.")
    created_at: datetime
    delivered_at: datetime | None


class DeliveryPage(Shape):
    items: list[DeliveryAnswer]
    next_cursor: str | None


class RedriveAnswer(Shape):
    """How many failed deliveries were begun again."""

    redriven: int
    more: bool = Field(description="There were more: call again.")
