"""Shapes of exports on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, model_validator

from sightline.scenarios.filters import NO_NUL
from sightline.scenarios.schemas import SearchRequest

MAX_MOMENTS = 10_000
MAX_ASSETS = 1000
MAX_PIECES = 100_000
"""Files of one archive: an hour of video, every frame of it, at 28 frames/s."""

Status = Literal["queued", "preparing", "writing", "ready", "failed", "cancelled", "expired"]
FrameChoice = Literal["peak", "indexed"]
Seconds = Annotated[FiniteFloat, Field(ge=0, le=10_000_000)]


class Shape(BaseModel):
    """Closed: a misspelt field is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class PickedMoment(Shape):
    """A stretch of a video: as a search answered it, or as somebody marked it."""

    asset_id: UUID
    start_s: Seconds
    end_s: Seconds
    peak_s: Seconds | None = Field(default=None, description="The frame to show; the middle if left out.")
    score: FiniteFloat | None = None
    relevance: FiniteFloat | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> "PickedMoment":
        if self.end_s < self.start_s:
            raise ValueError("A moment ends after it starts.")
        return self


class Clips(Shape):
    """Cut without encoding: a clip begins at the key frame before the moment, and its sound is left out."""

    padding_s: float = Field(default=0.0, ge=0, le=60, description="Seconds before and after each moment.")


class ExportRequest(Shape):
    """One of moments, search and asset_ids."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "night crossings",
                    "search": {"text": "pedestrian crossing at night", "filters": {"tags": ["urban"]}},
                    "most_moments": 500,
                    "clips": {"padding_s": 1.0},
                },
                {
                    "moments": [
                        {
                            "asset_id": "0193a1b2-0000-7000-8000-0000000000a1",
                            "start_s": 12.0,
                            "end_s": 15.0,
                            "peak_s": 13.0,
                        }
                    ],
                    "jpeg_quality": 95,
                },
            ]
        },
    )

    name: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=NO_NUL)
    ] = "export"
    moments: Annotated[list[PickedMoment], Field(min_length=1, max_length=MAX_MOMENTS)] | None = None
    search: SearchRequest | None = Field(default=None, description="All moments it finds, best first.")
    search_id: UUID | None = Field(default=None, description="All moments of a search asked before.")
    asset_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_ASSETS)] | None = Field(
        default=None, description="Whole videos: all their indexed frames, if not told otherwise."
    )
    most_moments: int = Field(
        default=1000, ge=1, le=MAX_MOMENTS, description="Of a search, the best so many."
    )
    min_relevance: float = Field(default=0.5, ge=0, le=1, description="Of a search, what is left out below.")
    frames: FrameChoice | None = Field(
        default=None, description="The best frame of each moment, or every indexed frame in it."
    )
    jpeg_quality: int = Field(default=92, ge=50, le=100)
    clips: Clips | None = Field(default=None, description="Also the moments as video.")

    @model_validator(mode="after")
    def _picks_in_one_way(self) -> "ExportRequest":
        ways = (self.moments, self.search, self.search_id, self.asset_ids)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("Give one of moments, search, search_id and asset_ids.")
        return self

    @property
    def frame_choice(self) -> FrameChoice:
        """A video given by its id has no best frame."""
        return self.frames or ("indexed" if self.asset_ids is not None else "peak")


class ExportProgress(Shape):
    done: int = Field(description="Frames and clips that are done.")
    total: int = Field(description="Frames and clips to make; 0 until the moments are known.")
    fraction: float = Field(ge=0, le=1)
    archive_bytes: int = Field(description="Bytes written so far.")


class ExportFailure(Shape):
    code: str
    reason: str


class Download(Shape):
    url: str
    expires_at: str


class ExportAnswer(Shape):
    id: UUID
    workspace_id: UUID
    name: str
    status: Status
    moments: int
    progress: ExportProgress
    left_out: int = Field(description="Frames and clips that could not be made; the metadata says why.")
    size_bytes: int | None
    manifest_sha256: str | None = Field(
        description="Of manifest.json, which has the sha256 of every other file."
    )
    download: Download | None = Field(description="While it is ready: the address of the ZIP.")
    failure: ExportFailure | None
    request: dict[str, Any] = Field(description="What was asked for, without the list of moments.")
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None


class ExportPage(Shape):
    items: list[ExportAnswer]
    next_cursor: str | None
