"""What goes over the wire about sources."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, SecretStr, StringConstraints

from sightline.incidents.schemas import Platform, Scheme, Shape

SourceName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
MapOfAlerts = dict[str, Any]


class SourceRequest(Shape):
    """A sender to be let in."""

    name: SourceName
    platform: Platform
    scheme: Scheme | None = Field(default=None, description="How it proves itself; its platform's own way.")
    secret: SecretStr | None = Field(
        default=None,
        min_length=8,
        max_length=512,
        description="The sender's own; sentry's and pagerduty's may follow by /rotate. Else one is made.",
    )
    allow_unsigned: bool = Field(default=False, description="It has no secret: take what proves nothing.")
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
    map: MapOfAlerts | None = Field(
        default=None, description="generic: JMESPath expressions for the fields of an alert."
    )


class SourceChange(Shape):
    """What is to be otherwise; the rest stays, as do address and secret."""

    name: SourceName | None = None
    map: MapOfAlerts | None = Field(default=None, description="generic: in the place of the one before.")


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

    secret: str | None = Field(description="Null where there is none, or none yet.")
    setup: str = Field(description="Where to paste address and secret.")


class SourcePage(Shape):
    items: list[SourceAnswer]
    next_cursor: str | None
