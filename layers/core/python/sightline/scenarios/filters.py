"""Which videos, and which stretches of them, a search looks at."""

from datetime import time
from typing import Annotated, Self
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    model_validator,
)

NO_NUL = r"^[^\x00]*$"  # Postgres keeps no NUL in texts

Tag = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
Word = Annotated[str, StringConstraints(max_length=1000, pattern=NO_NUL)]
Scalar = bool | int | FiniteFloat | Word | None
Bound = int | FiniteFloat | Word
Tags = Annotated[list[Tag], Field(max_length=20)]


class Shape(BaseModel):
    """Closed: a misspelt field is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


# Whether there is such a zone is for Postgres to say, which is what counts with it.
Zone = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$")]


class Condition(Shape):
    """What one metadata value must be; every part that is given must hold."""

    in_: Annotated[list[Scalar], Field(min_length=1, max_length=100)] | None = Field(
        default=None, alias="in", description="One of these values."
    )
    gte: Bound | None = Field(default=None, description="At least; numbers with numbers, text with text.")
    gt: Bound | None = Field(default=None, description="More than.")
    lte: Bound | None = Field(default=None, description="At most.")
    lt: Bound | None = Field(default=None, description="Less than.")
    exists: bool | None = Field(default=None, description="Whether the key is there at all.")

    @model_validator(mode="after")
    def says_something(self) -> Self:
        """An empty condition is a mistake, not a filter."""
        if not self.model_fields_set:
            raise ValueError("give at least one of in, gte, gt, lte, lt, exists")
        return self


class TimeRange(Shape):
    """A stretch of capture time; either end may be open."""

    from_: AwareDatetime | None = Field(default=None, alias="from", description="Captured at this or later.")
    to: AwareDatetime | None = Field(default=None, description="Captured before this.")

    @model_validator(mode="after")
    def in_order(self) -> Self:
        """A range that ends before it begins holds nothing."""
        if self.from_ and self.to and self.from_ >= self.to:
            raise ValueError("from must lie before to")
        return self


class TimeOfDay(Shape):
    """Hours of the clock where the video was taken; from 22:00 to 05:00 goes over midnight."""

    from_: time = Field(alias="from")
    to: time
    zone: Zone = Field(default="UTC", description="IANA time zone: Europe/Berlin.")

    @model_validator(mode="after")
    def plain(self) -> Self:
        """The zone is said once."""
        if self.from_.tzinfo or self.to.tzinfo:
            raise ValueError("clock times have no offset of their own; set zone")
        return self


class Filters(Shape):
    """What is searched: frames that meet every condition."""

    asset_ids: Annotated[list[UUID], Field(max_length=1000)] | None = Field(
        default=None, description="Only these videos."
    )
    tags: Tags | None = Field(default=None, description="Videos that carry every one of these tags.")
    any_tags: Tags | None = Field(default=None, description="Videos that carry one of these tags or more.")
    no_tags: Tags | None = Field(default=None, description="Videos that carry none of these tags.")
    metadata: Annotated[dict[Tag, Scalar | Condition], Field(max_length=20)] | None = Field(
        default=None,
        description="Videos whose metadata meets all of these: a value to equal, or a condition.",
    )
    captured: TimeRange | None = Field(
        default=None, description="Frames captured then; videos without captured_at have none."
    )
    time_of_day: TimeOfDay | None = Field(default=None, description="Frames captured at these hours.")

    @property
    def by_time(self) -> bool:
        """Whether frames are left out, and not only whole videos."""
        return self.captured is not None or self.time_of_day is not None
