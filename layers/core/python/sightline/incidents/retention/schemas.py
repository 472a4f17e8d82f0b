"""Shapes of how long alerts and incidents are kept."""

from datetime import datetime

from pydantic import ConfigDict, Field

from sightline.incidents.schemas import Shape


class Counts(Shape):
    incidents: int
    alerts: int
    deliveries: int


class RetentionBody(Shape):
    """How long a workspace keeps what is over."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"keep_days": 365}]})

    keep_days: int | None = Field(
        ge=30, le=36_500, description="Days after an incident was last changed; null: for ever."
    )


class RetentionAnswer(Shape):
    """What holds, what went so far, and what would go."""

    keep_days: int | None
    gone: Counts = Field(description="Since the workspace was made.")
    last_gone_at: datetime | None
    due: Counts = Field(description="What the days asked for, or those that hold, would remove by now.")
