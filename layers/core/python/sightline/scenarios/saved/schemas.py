"""Shapes of saved searches, their matches and labels."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, model_validator

from sightline.scenarios.schemas import SearchRequest

MAX_SAVED = 500
MAX_STANDING = 100
MAX_LABELS_AT_ONCE = 100
NO_NUL = r"^[^\x00]*$"  # Postgres keeps no NUL in texts

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")
]
Bar = Annotated[FiniteFloat, Field(ge=0, le=1)]


class Shape(BaseModel):
    """Closed: a misspelt field is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class SavedRequest(Shape):
    """A search under a name: a new question, or one that was asked before."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "pedestrians at night",
                    "request": {"text": "pedestrian crossing at night"},
                    "standing": True,
                    "bar": 0.95,
                }
            ]
        },
    )

    name: Name
    request: SearchRequest | None = None
    search_id: UUID | None = Field(default=None, description="A recorded search, in place of a request.")
    standing: bool = Field(default=False, description="Run it on every video that becomes ready.")
    bar: Bar = Field(default=0.9, description="Relevance from which a moment of a new video is told of.")

    @model_validator(mode="after")
    def one_question(self) -> Self:
        """Either way, but not both."""
        if (self.request is None) == (self.search_id is None):
            raise ValueError("give a request or a search_id")
        return self


class SavedChange(Shape):
    """What is given takes the place of what was; another question or bar is another version."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"standing": True, "bar": 0.95}]}
    )

    name: Name | None = None
    request: SearchRequest | None = None
    standing: bool | None = None
    bar: Bar | None = None


class SavedAnswer(Shape):
    id: UUID
    name: str
    version: int
    request: dict[str, Any]
    standing: bool
    bar: float
    runs: int = Field(description="How often it was run by hand.")
    last_run_at: datetime | None
    matches: int = Field(description="Videos in which it found something by itself.")
    created_at: datetime
    updated_at: datetime


class SavedPage(Shape):
    items: list[SavedAnswer]
    next_cursor: str | None


class RunRequest(Shape):
    """How much of the answer to show; the question is the kept one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"limit": 10}]})

    limit: int | None = Field(default=None, ge=1, le=100)
    cursor: Annotated[str, Field(max_length=2048)] | None = None


class MatchedMoment(Shape):
    start_s: float
    end_s: float
    peak_s: float
    score: float
    relevance: float


class MatchedData(Shape):
    """What search.matched tells, by event and by webhook the same."""

    workspace_id: UUID
    match_id: UUID
    saved_search_id: UUID
    saved_search_name: str
    version: int
    bar: float
    asset_id: UUID
    asset_name: str
    run: int
    best: float
    moments: list[MatchedMoment]


class MatchedMessage(Shape):
    """The body of the webhook search.matched."""

    type: Literal["search.matched"]
    timestamp: datetime
    data: MatchedData


class MatchAnswer(Shape):
    """What a standing search found in one video."""

    id: UUID
    saved_search_id: UUID
    version: int
    asset_id: UUID
    asset_name: str
    run: int
    best: float
    moments: list[MatchedMoment]
    created_at: datetime


class MatchPage(Shape):
    items: list[MatchAnswer]
    next_cursor: str | None


class Label(Shape):
    """Right or wrong, of one moment that the search showed."""

    asset_id: UUID
    time_s: Annotated[FiniteFloat, Field(ge=0, le=1e7)] = Field(description="peak_s of the moment.")
    right: bool


class LabelsRequest(Shape):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "labels": [
                        {"asset_id": "0193a1b2-0000-7000-8000-0000000000a1", "time_s": 12.0, "right": True}
                    ]
                }
            ]
        },
    )

    labels: list[Label] = Field(min_length=1, max_length=MAX_LABELS_AT_ONCE)


class LabelsAnswer(Shape):
    labelled: int
    right: int
    wrong: int


class PrecisionPoint(Shape):
    """One run of a saved search, judged by every label it has had so far."""

    search_id: UUID
    at: datetime
    shown: int = Field(description="Of its k best moments, those that there were.")
    labelled: int
    right: int
    precision: float | None = Field(description="right / labelled; none where nobody labelled any.")


class PrecisionAnswer(Shape):
    k: int
    labelled: int
    right: int
    precision: float | None = Field(description="Over all runs.")
    runs: list[PrecisionPoint] = Field(description="Oldest first.")
