"""What goes over the wire about assets."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

MAX_TAGS = 50
MAX_PARTS = 10_000
"""S3's own limit on the parts of one upload."""

Status = Literal["awaiting_upload", "processing", "ready", "failed", "expired"]
Stage = Literal["uploading", "queued", "probing", "indexing", "finishing", "done"]
Name = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS)]


class Shape(BaseModel):
    """Closed: a misspelt field is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class AssetRequest(Shape):
    name: Name = Field(description="Kept as given: any characters, slashes and emoji too.")
    content_type: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    size_bytes: int = Field(ge=1, description="The file's exact size; an upload of another size is refused.")
    metadata: dict[str, Any] = Field(default_factory=dict, description="Free-form JSON, at most 16 KiB.")
    tags: Tags = Field(default_factory=list)
    interval_s: float | None = Field(
        default=None, ge=0.1, le=60, description="Seconds between sampled frames; 1 by default."
    )
    captured_at: AwareDatetime | None = Field(
        default=None, description="When the first frame was taken; searches filter and match cameras by it."
    )


class AssetChange(Shape):
    name: Name | None = None
    metadata: dict[str, Any] | None = Field(default=None, description="Takes the place of the old metadata.")
    tags: Tags | None = Field(default=None, description="Take the place of the old tags.")
    captured_at: AwareDatetime | None = Field(default=None, description="When the first frame was taken.")


class Progress(Shape):
    stage: Stage
    done: int = Field(description="Frames indexed.")
    total: int | None = Field(description="Frames to index; unknown until the video was probed.")
    fraction: float = Field(ge=0, le=1)


class FailureAnswer(Shape):
    code: str
    reason: str


class AssetAnswer(Shape):
    id: UUID
    workspace_id: UUID
    name: str
    status: Status
    content_type: str
    size_bytes: int
    duration_s: float | None
    width: int | None = Field(description="As shown: after rotation and pixel aspect.")
    height: int | None
    fps: float | None
    variable_fps: bool | None
    codec: str | None
    container: str | None
    rotation: int | None = Field(description="Degrees counter-clockwise that players turn it by.")
    interval_s: float
    metadata: dict[str, Any]
    tags: list[str]
    captured_at: datetime | None = Field(default=None, description="When the first frame was taken.")
    run: int = Field(description="How many times indexing was begun.")
    progress: Progress
    failure: FailureAnswer | None = Field(description="Why it failed, or why its last reprocessing did.")
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime


class AssetPage(Shape):
    items: list[AssetAnswer]
    next_cursor: str | None


class PutUpload(Shape):
    """One PUT of the whole file, with exactly these headers."""

    method: Literal["put"] = "put"
    url: str
    headers: dict[str, str]
    expires_at: str


class UploadedPartAnswer(Shape):
    part_number: int
    etag: str
    size_bytes: int


class MultipartUpload(Shape):
    """Parts of part_size_bytes, the last one shorter; addresses from .../upload/parts."""

    method: Literal["multipart"] = "multipart"
    upload_id: str
    part_size_bytes: int
    part_count: int
    uploaded: list[UploadedPartAnswer] = Field(default_factory=list, description="Need not be sent again.")


class AssetCreated(Shape):
    asset: AssetAnswer
    upload: PutUpload | MultipartUpload


class PartsRequest(Shape):
    part_numbers: list[Annotated[int, Field(ge=1, le=MAX_PARTS)]] = Field(min_length=1, max_length=500)


class SignedPart(Shape):
    part_number: int
    url: str
    headers: dict[str, str]


class PartsAnswer(Shape):
    parts: list[SignedPart]
    expires_at: str


class SentPart(Shape):
    part_number: int = Field(ge=1, le=MAX_PARTS)
    etag: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class CompleteRequest(Shape):
    parts: list[SentPart] = Field(
        default_factory=list, max_length=MAX_PARTS, description="Left out: whatever has been uploaded."
    )
