"""Shapes of searches: what is asked, and the moments that answer."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints

MAX_TEXT_CHARS = 1000
MAX_MOMENTS = 100

NO_NUL = r"^[^\x00]*$"  # Postgres keeps no NUL in texts

Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT_CHARS, pattern=NO_NUL)
]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
Scalar = bool | int | FiniteFloat | Annotated[str, StringConstraints(max_length=1000, pattern=NO_NUL)] | None


class Filters(BaseModel):
    """Which videos are searched: those that meet every condition."""

    model_config = ConfigDict(extra="forbid")

    asset_ids: Annotated[list[UUID], Field(max_length=200)] | None = Field(
        default=None, description="Only these videos."
    )
    tags: Annotated[list[Tag], Field(max_length=20)] | None = Field(
        default=None, description="Videos that carry every one of these tags."
    )
    metadata: Annotated[dict[Tag, Scalar], Field(max_length=20)] | None = Field(
        default=None, description="Videos whose metadata holds every one of these values."
    )


class SearchRequest(BaseModel):
    """A question in words."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"text": "pedestrian crossing at night", "limit": 5, "filters": {"tags": ["urban"]}}]
        },
    )

    text: Text = Field(description="What to look for, in plain words.")
    limit: int = Field(default=10, ge=1, le=MAX_MOMENTS, description="Most moments on one page.")
    cursor: Annotated[str, Field(max_length=2048)] | None = Field(
        default=None, description="next_cursor of the page before, with the same text and filters."
    )
    filters: Filters = Field(default_factory=Filters)


class SearchModel(BaseModel):
    """Which model turned the words into a vector."""

    id: str
    revision: str
    dim: int


class SearchPlan(BaseModel):
    """How it was answered."""

    path: Literal["exact", "hnsw"] = Field(description="Every frame compared, or the HNSW graph walked.")
    matching: int = Field(description="Frames that the filters left to search.")
    candidates: int = Field(description="Best frames that the moments were made of.")
    complete: bool = Field(description="False when the graph gave fewer frames than there are.")


class Took(BaseModel):
    """Milliseconds."""

    embed: float
    sql: float
    total: float


class SheetTile(BaseModel):
    """Where to see the peak frame: one tile of a contact sheet, counted in reading order from 0."""

    url: str
    expires_at: str
    columns: int
    tile: int
    tile_width: int
    tile_height: int


class MomentAnswer(BaseModel):
    """A stretch of one video that answers the question."""

    asset_id: UUID
    asset_name: str
    start_s: float
    end_s: float
    peak_s: float = Field(description="Time of the best frame.")
    score: float = Field(description="Cosine similarity of the best frame; compare only within one search.")
    relevance: float = Field(
        ge=0, le=1, description="1 - the chance that it scores this high without a match."
    )
    sheet: SheetTile


class SearchAnswer(BaseModel):
    """Moments, best first."""

    search_id: UUID
    model: SearchModel
    plan: SearchPlan
    took_ms: Took
    moments: list[MomentAnswer]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class FrameHit:
    """One frame that was found, or lies beside one (ranked tells), with its video and its contact sheet."""

    asset_id: UUID
    asset_name: str
    interval_s: float
    duration_s: float | None
    time_s: float
    score: float
    ranked: bool
    tile: int
    object_key: str
    columns: int
    tile_width: int
    tile_height: int


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of one video around its best frame."""

    peak: FrameHit
    start_s: float
    end_s: float
