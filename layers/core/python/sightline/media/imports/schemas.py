"""Shapes of imports on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from sightline.media.schemas import Shape, Tags

MAX_KEYS = 1000

Status = Literal["listing", "fetching", "done", "failed", "cancelled"]
ObjectStatus = Literal["listed", "fetching", "registered", "skipped", "refused"]
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
Bucket = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
Key = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00]*$")]


class ImportRequest(Shape):
    """Objects under a prefix, or a list of them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"bucket": "fleet-footage", "prefix": "2025/11/", "tags": ["fleet"], "interval_s": 2.0},
                {"bucket": "fleet-footage", "keys": ["2025/11/20/front.mp4"], "metadata": {"car": "A7"}},
            ]
        },
    )

    bucket: Bucket | None = Field(default=None, description="Left out: the stage's own drop bucket.")
    prefix: Annotated[str, StringConstraints(max_length=1024, pattern=r"^[^\x00]*$")] = Field(
        default="", description="All objects below it whose names say that they are videos."
    )
    keys: Annotated[list[Key], Field(min_length=1, max_length=MAX_KEYS)] | None = None
    metadata: dict[str, Any] = Field(default_factory=dict, description="Of every video; at most 16 KiB.")
    tags: Tags = Field(default_factory=list)
    interval_s: float | None = Field(default=None, ge=0.1, le=60)

    @model_validator(mode="after")
    def _one_way(self) -> "ImportRequest":
        if self.keys is not None and self.prefix:
            raise ValueError("Give prefix or keys.")
        return self


class ImportCounts(Shape):
    """Objects by what became of them."""

    listed: int = Field(description="Seen, and not looked at yet.")
    fetching: int
    registered: int
    skipped: int = Field(description="Registered before, by this or another import.")
    refused: int


class IndexedCounts(Shape):
    """Registered videos by their state."""

    waiting: int
    processing: int
    ready: int
    failed: int


class ImportFailure(Shape):
    code: str
    reason: str


class ImportAnswer(Shape):
    id: UUID
    workspace_id: UUID
    bucket: str
    prefix: str
    tags: list[str]
    metadata: dict[str, Any]
    interval_s: float
    status: Status
    objects: ImportCounts
    videos: IndexedCounts
    failure: ImportFailure | None
    created_at: datetime
    finished_at: datetime | None


class ImportPage(Shape):
    items: list[ImportAnswer]
    next_cursor: str | None


class ImportedObject(Shape):
    key: str
    size_bytes: int | None
    status: ObjectStatus
    asset_id: UUID | None
    asset_status: str | None = Field(description="How far the video is; null where there is none.")
    code: str | None = Field(description="Why it was skipped or refused, or why its indexing failed.")
    reason: str | None


class ImportedObjectPage(Shape):
    items: list[ImportedObject]
    next_cursor: str | None
