"""Shapes of searches: what is asked, and the moments that answer."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, FiniteFloat, StringConstraints, model_validator

from sightline.scenarios.answers import (
    FrameTime,
    MomentAnswer,
    SearchAnswer,
    SearchModel,
    SearchPlan,
    SheetTile,
    StepTime,
    Took,
    Verdict,
    WordsUsed,
)
from sightline.scenarios.examples import SEARCHES
from sightline.scenarios.filters import NO_NUL, Condition, Filters, Shape

__all__ = [
    "NO_NUL",
    "AssetFrame",
    "Condition",
    "Example",
    "Filters",
    "FrameHit",
    "FrameTime",
    "LegWeights",
    "Moment",
    "MomentAnswer",
    "MomentRules",
    "NextStep",
    "SearchAnswer",
    "SearchModel",
    "SearchPlan",
    "SearchRequest",
    "SheetTile",
    "Step",
    "StepTime",
    "Took",
    "UploadedImage",
    "Verdict",
    "WordsUsed",
]

MAX_TEXT_CHARS = 1000
MAX_MOMENTS = 100
# 4 MB of picture: with the rest of the request it passes Lambda's 6 MB.
MAX_IMAGE_CHARS = 5_600_000
MAX_STEPS = 5

Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT_CHARS, pattern=NO_NUL)
]
Time = Annotated[FiniteFloat, Field(ge=0, le=1e7)]
Weight = Annotated[FiniteFloat, Field(gt=0, le=10)]


class UploadedImage(Shape):
    """A picture to look for, as it is in the file: JPEG or PNG."""

    data: Annotated[str, StringConstraints(min_length=4, max_length=MAX_IMAGE_CHARS)] = Field(
        description="The file, base64."
    )


class AssetFrame(Shape):
    """A frame of an own video: the one indexed nearest to this time."""

    asset_id: UUID
    time_s: Time


class Example(Shape):
    """A stretch of an own video; the mean of its frames is looked for."""

    asset_id: UUID
    start_s: Time
    end_s: Time

    @model_validator(mode="after")
    def in_order(self) -> Self:
        """A stretch that ends before it begins shows nothing."""
        if self.end_s < self.start_s:
            raise ValueError("end_s must not lie before start_s")
        return self


class ConceptUse(Shape):
    """A taught concept, by its name or id."""

    concept: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
    weight: Weight = 1.0


class LegWeights(Shape):
    """How much each part of the question counts beside the others, each measured in its own spread."""

    text: Weight = 1.0
    image: Weight = 1.0
    example: Weight = 1.0


class Step(Shape):
    """What one moment must show: any mix of words, picture, example and concepts."""

    text: Text | None = Field(default=None, description="What to look for, in plain words.")
    image: UploadedImage | AssetFrame | None = Field(
        default=None, description="A picture to look for: uploaded, or a frame of an own video."
    )
    example: Example | None = Field(default=None, description="A stretch of an own video to look for.")
    concepts: list[ConceptUse] = Field(default_factory=list, max_length=10)
    weights: LegWeights = Field(default_factory=LegWeights)
    not_: list[Text] = Field(
        default_factory=list,
        alias="not",
        max_length=10,
        description="What the frames must not show: those that do are left out.",
    )

    @property
    def asks(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self.text or self.image or self.example or self.concepts)


class NextStep(Step):
    """What must follow, in the same video."""

    within_s: Annotated[FiniteFloat, Field(gt=0, le=600)] = Field(
        default=5.0, description="At most so many seconds after the step before."
    )

    @model_validator(mode="after")
    def asks_something(self) -> Self:
        """A step must look for something."""
        if not self.asks:
            raise ValueError("a step wants text, image, example or concepts")
        return self


class MomentRules(Shape):
    """How frames become moments."""

    min_gap_s: Annotated[FiniteFloat, Field(ge=0, le=600)] = Field(
        default=2.0, description="Moments of a video lie further apart; nearer frames belong to one."
    )
    smooth_s: Annotated[FiniteFloat, Field(ge=0, le=60)] = Field(
        default=0.0, description="Scores are averaged over so many seconds to each side first; 0: not at all."
    )
    extent: Annotated[FiniteFloat, Field(ge=0, le=1)] = Field(
        default=0.5, description="A moment goes on while frames keep this share of its peak's height."
    )
    per_asset: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None, description="At most so many moments of one video."
    )


class SearchRequest(Step):
    """A question: what to look for, where, and how to answer."""

    model_config = ConfigDict(json_schema_extra={"examples": SEARCHES})

    then: list[NextStep] = Field(
        default_factory=list, max_length=MAX_STEPS - 1, description="What must follow, step by step."
    )
    more: list[AssetFrame] = Field(
        default_factory=list, max_length=200, description="Frames that are what was meant."
    )
    less: list[AssetFrame] = Field(
        default_factory=list, max_length=200, description="Frames that are not what was meant."
    )
    words: Text | None = Field(
        default=None,
        description="Also rank by these words in titles, tags and notes, fused by reciprocal rank.",
    )
    limit: int = Field(default=10, ge=1, le=MAX_MOMENTS, description="Most moments on one page.")
    cursor: Annotated[str, Field(max_length=2048)] | None = Field(
        default=None, description="next_cursor of the page before, with the same question."
    )
    filters: Filters = Field(default_factory=Filters)
    moments: MomentRules = Field(default_factory=MomentRules)
    collapse: list[Literal["alike", "simultaneous"]] = Field(
        default_factory=list,
        max_length=2,
        description="Show one moment for several: those alike, or seen by other cameras at the same time.",
    )
    bar: Annotated[FiniteFloat, Field(ge=0, le=1)] = Field(
        default=0.7, description="Relevance from which the best moment may count as found."
    )
    min_relevance: Annotated[FiniteFloat, Field(ge=0, le=1)] = Field(
        default=0.0, description="Leave out moments below this relevance."
    )

    @model_validator(mode="after")
    def asks_something(self) -> Self:
        """There must be something to look for."""
        if not (self.asks or self.more):
            raise ValueError("ask for text, image, example, concepts, or more of some frames")
        return self


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
    captured_at: float | None = None
    """Seconds since 1970 at which the video begins."""
    order: float = 0.0
    """What frames are ordered by, higher first; 0: the score."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of one video around its best frame; of a sequence, from its first step to its last."""

    peak: FrameHit
    start_s: float
    end_s: float
    rank: float
    """What moments are ordered by, higher first."""
    steps: tuple[FrameHit, ...] = ()
    """The frame of each step of a sequence."""
    others: tuple[FrameHit, ...] = ()
    """Peaks of moments that this one stands for."""
