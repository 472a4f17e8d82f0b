"""Shapes of searches that were asked, and of what they were like together."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from sightline.scenarios.saved.schemas import Shape


class RecordedTook(Shape):
    """Milliseconds."""

    embed: float
    sql: float
    total: float


class RecordedAnswer(Shape):
    """A search that was asked."""

    id: UUID
    session_id: UUID | None
    saved_search_id: UUID | None
    text: str | None = Field(description="None for a search without words.")
    request: dict[str, Any] = Field(description="The question; uploaded pictures are not kept.")
    model_id: str
    path: Literal["exact", "hnsw"]
    matching: int
    moments: int = Field(description="On its first page.")
    found: bool | None = Field(description="Whether something relevant was found.")
    best: float | None = Field(description="Best relevance.")
    cached: bool
    took_ms: RecordedTook
    asked_by: str
    created_at: datetime


class RecordedResult(Shape):
    """A moment that it showed, as it was then."""

    asset_id: UUID
    asset_name: str = Field(description="What the video is called now.")
    start_s: float | None = Field(
        description="None where the search is from before this was kept; as end_s, score."
    )
    end_s: float | None
    peak_s: float
    score: float | None
    relevance: float


class RecordedWhole(RecordedAnswer):
    """A search that was asked, and its first page."""

    results: list[RecordedResult] = Field(description="Best first; without those of videos deleted since.")


class RecordedPage(Shape):
    items: list[RecordedAnswer]
    next_cursor: str | None


class UsedText(Shape):
    text: str
    searches: int
    zero_results: int


class Bucket(Shape):
    """One stretch of time."""

    start: datetime
    searches: int
    zero_results: int
    p50_ms: float
    p95_ms: float


class AnalyticsAnswer(Shape):
    """What the workspace's searches were like."""

    since: datetime
    until: datetime
    searches: int
    people: int = Field(description="Different users and API keys.")
    cached: int = Field(description="Answered from memory.")
    zero_results: int = Field(description="Nothing relevant was found.")
    zero_result_rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    most_used: list[UsedText]
    nothing_found_for: list[UsedText] = Field(description="Asked most among those that found nothing.")
    over_time: list[Bucket]
