"""Shapes of answers: moments, what they are worth, and how they were found."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field


class SearchModel(BaseModel):
    """Which model turned the question into a vector."""

    id: str
    revision: str
    dim: int


class WordsUsed(BaseModel):
    """What became of the words that titles, tags and notes were searched for."""

    used: list[str] = Field(description="Word stems that ranked videos.")
    too_common: list[str] = Field(description="Word stems in too many videos to tell them apart.")
    videos: int = Field(description="Videos that hold one of the used words.")


class SearchPlan(BaseModel):
    """How it was answered."""

    path: Literal["exact", "hnsw"] = Field(description="Every frame compared, or the HNSW graph walked.")
    matching: int = Field(description="Frames that the filters left to search.")
    candidates: int = Field(description="Best frames that the moments were made of.")
    complete: bool = Field(description="False when the graph gave fewer frames than there are.")
    escalated: bool = Field(
        default=False, description="The graph gave too few frames, so every frame was compared after all."
    )
    words: WordsUsed | None = None
    cached: bool = Field(default=False, description="Answered from memory: nothing has changed since.")


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


class FrameTime(BaseModel):
    """A frame of a video."""

    asset_id: UUID
    asset_name: str
    time_s: float
    score: float


class StepTime(BaseModel):
    """When a step of a sequence was seen."""

    time_s: float
    score: float
    sheet: SheetTile


class MomentAnswer(BaseModel):
    """A stretch of one video that answers the question."""

    asset_id: UUID
    asset_name: str
    start_s: float
    end_s: float
    peak_s: float = Field(description="Time of the best frame.")
    score: float = Field(description="Similarity of the best frame; compare only within one search.")
    relevance: float = Field(
        ge=0, le=1, description="1 - the chance that it scores this high without a match."
    )
    confidence: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="What a concept that was asked for alone says of the best frame.",
    )
    sheet: SheetTile
    steps: list[StepTime] = Field(default_factory=list, description="Each step of a sequence, in order.")
    collapsed: list[FrameTime] = Field(
        default_factory=list, description="Best frames of the moments that this one stands for."
    )


class Verdict(BaseModel):
    """Whether anything here is what was asked for."""

    found: bool = Field(description="False: nothing relevant was found, whatever the moments look like.")
    bar: float = Field(description="What the best relevance was held against.")
    best: float = Field(description="Best relevance among all moments.")
    described: float | None = Field(
        default=None, description="Share of generic captions that describe the best moments less well."
    )
    height: float | None = Field(
        default=None, description="How far they stand out by the words, in spreads of the workspace's frames."
    )
    share: float | None = Field(
        default=None,
        description="Share of the workspace's frames that the words describe, where it is large. What is"
        " usual cannot stand out: relevance is then how often the words describe frames of such a score.",
    )
    reason: str = Field(description="Why, in a few words.")


class SearchAnswer(BaseModel):
    """Moments, best first."""

    search_id: UUID
    session_id: UUID = Field(description="The search this one refines; its own id otherwise.")
    model: SearchModel
    plan: SearchPlan
    took_ms: Took
    verdict: Verdict
    moments: list[MomentAnswer]
    next_cursor: str | None
