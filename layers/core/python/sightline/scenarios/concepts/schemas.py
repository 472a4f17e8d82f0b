"""Shapes of concepts: what is marked, what was learnt, and what shows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints
from pydantic.config import JsonDict

MAX_MARKS_AT_ONCE = 200
MAX_MARKS = 2000
MAX_CONCEPTS = 200
NO_NUL = r"^[^\x00]*$"  # Postgres keeps no NUL in texts

Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f:/@]+$"),
]
Description = Annotated[str, StringConstraints(max_length=1000, pattern=NO_NUL)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=NO_NUL)]
Bar = Annotated[FiniteFloat, Field(gt=0, lt=1)]
VersionStatus = Literal["queued", "draft", "kept", "retired", "failed"]


class Shape(BaseModel):
    """Closed: a misspelt field is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class FrameMark(Shape):
    """A frame of a video: the indexed one nearest to the time is meant."""

    asset_id: UUID
    time_s: Annotated[FiniteFloat, Field(ge=0, le=1e7)]


class TagMarks(Shape):
    """Frames of the videos that carry a tag, spread over all of them."""

    tag: Tag
    frames: int = Field(default=20, ge=1, le=MAX_MARKS_AT_ONCE)


Frames = Annotated[list[FrameMark], Field(max_length=MAX_MARKS_AT_ONCE)]
Tagged = Annotated[list[TagMarks], Field(max_length=10)]
_FRAME: JsonDict = {"asset_id": "0193a1b2-0000-7000-8000-0000000000a1", "time_s": 12.0}


class MarksRequest(Shape):
    """Frames that show it, frames that do not, and marks to take back; a new mark replaces an old one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"yes": [_FRAME], "no_tags": [{"tag": "car park", "frames": 20}]}]},
    )

    yes: Frames = Field(default_factory=list)
    no: Frames = Field(default_factory=list)
    yes_tags: Tagged = Field(default_factory=list)
    no_tags: Tagged = Field(default_factory=list)
    remove: Frames = Field(default_factory=list)


class ConceptRequest(MarksRequest):
    """A new concept, with its first marks if they are known."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "cut-in", "description": "cuts in ahead", "yes": [_FRAME]}]},
    )

    name: Name
    description: Description = ""


class Metrics(Shape):
    """How well it told marked frames apart that it had not learnt from (stratified cross-validation)."""

    model_config = ConfigDict(extra="ignore")

    yes: int
    no: int
    precision: float = Field(description="Of the frames it said yes to, the share marked yes.")
    precision_range: tuple[float, float] = Field(description="95 % range, by so few frames.")
    recall: float = Field(description="Of the frames marked yes, the share it said yes to.")
    recall_range: tuple[float, float]
    f1: float
    average_precision: float
    auc: float
    brier: float = Field(description="Mean squared error of the confidence.")
    folds: int
    folds_by: Literal["stretch", "frame"] = Field(
        description="stretch: neighbours were held out together. frame: too few for that, so it flatters."
    )
    background: int = Field(description="Frames nobody marked that hard negatives were mined from.")
    words_share: float | None = Field(
        default=None, description="How much the concept's own words count beside its marks, 0 to 1."
    )
    alarm_share: float | None = Field(
        default=None, description="Share of those it would say yes to: real matches and false alarms."
    )


class FailureAnswer(Shape):
    code: str
    reason: str


class VersionAnswer(Shape):
    """One training."""

    version: int
    status: VersionStatus
    model_id: str
    dim: int | None
    metrics: Metrics | None
    failure: FailureAnswer | None
    created_at: datetime
    trained_at: datetime | None
    kept_at: datetime | None


class VersionPage(Shape):
    items: list[VersionAnswer]
    next_cursor: str | None


class Marked(Shape):
    yes: int
    no: int


class Applied(Shape):
    """How far the kept version is applied."""

    videos: int
    of: int


class ConceptAnswer(Shape):
    id: UUID
    name: str
    description: str
    tag: str = Field(description="The tag of videos that show it.")
    marks: Marked
    last_version: int
    kept_version: int | None = Field(description="The version that is searched and applied.")
    bar: float = Field(description="Confidence from which a frame shows it.")
    latest: VersionAnswer | None = Field(description="The latest training.")
    applied: Applied | None
    created_at: datetime
    updated_at: datetime


class ConceptPage(Shape):
    items: list[ConceptAnswer]
    next_cursor: str | None


class KeepRequest(Shape):
    """Searches and tags with this version from now on."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"bar": 0.7}]})

    bar: Bar = Field(default=0.5, description="Confidence from which a frame shows it.")


class MarkAnswer(Shape):
    asset_id: UUID
    asset_name: str
    time_s: float
    yes: bool


class MarkPage(Shape):
    items: list[MarkAnswer]
    next_cursor: str | None


class HitAnswer(Shape):
    """A moment that shows it."""

    asset_id: UUID
    asset_name: str
    start_s: float
    end_s: float
    peak_s: float
    confidence: float


class HitPage(Shape):
    items: list[HitAnswer]
    next_cursor: str | None


class TaggedAsset(Shape):
    """A video with the concept's confidence in it."""

    asset_id: UUID
    asset_name: str
    confidence: float = Field(description="Of its surest frame.")
    moments: int
    version: int


class TaggedPage(Shape):
    items: list[TaggedAsset]
    next_cursor: str | None


class ExportModel(Shape):
    id: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
    dim: int = Field(ge=1, le=4000)


class ExportedMark(Shape):
    asset_id: UUID
    time_s: Annotated[FiniteFloat, Field(ge=0, le=1e7)]
    yes: bool


class CurvePoints(Shape):
    """Isotonic calibration: log odds to confidence, by straight lines between points."""

    x: list[Annotated[FiniteFloat, Field(ge=-1e6, le=1e6)]] = Field(min_length=2, max_length=200)
    y: list[Annotated[FiniteFloat, Field(ge=0, le=1)]] = Field(min_length=2, max_length=200)


class ConceptExport(Shape):
    """A whole concept: what it takes to use it elsewhere, or to teach it again."""

    format: Literal["sightline-concept/1"] = "sightline-concept/1"
    name: Name
    description: Description = ""
    model: ExportModel
    version: int = Field(ge=1, description="Which training this is.")
    weights: list[FiniteFloat] = Field(min_length=1, max_length=4000)
    bias: FiniteFloat = Field(description="sigmoid(weights . frame + bias), for frames of length 1.")
    curve: CurvePoints | None = None
    bar: Bar = 0.5
    metrics: dict[str, Any] = Field(default_factory=dict)
    marks: list[ExportedMark] = Field(default_factory=list, max_length=MAX_MARKS)


class ImportAnswer(Shape):
    concept: ConceptAnswer
    marks_kept: int
    marks_left_out: int = Field(description="Their videos are not in this workspace.")


@dataclass(frozen=True, slots=True)
class Hit:
    """A stretch of one video that shows a concept."""

    start_s: float
    end_s: float
    peak_s: float
    confidence: float
