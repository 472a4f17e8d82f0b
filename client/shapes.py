"""The answers of the API as typed values; unknown fields are ignored, so that the server may add some."""

from datetime import datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from client.errors import UnexpectedAnswerError

Status = Literal["awaiting_upload", "processing", "ready", "failed", "expired"]


class Shape(BaseModel):
    """Frozen, and lenient about what the server adds."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    @classmethod
    def of(cls, answer: object) -> Self:
        """The answer as this shape. Raises: UnexpectedAnswerError."""
        try:
            return cls.model_validate(answer)
        except ValidationError as error:
            where = ", ".join(".".join(map(str, one["loc"])) for one in error.errors()[:3])
            raise UnexpectedAnswerError(
                f"The server's answer is not understood ({cls.__name__}: {where}); is it another version?"
            ) from error


class Tokens(Shape):
    """What a sign-in gives."""

    access_token: str
    refresh_token: str | None = None
    id_token: str | None = None
    expires_in: int = 3600


class Membership(Shape):
    """A workspace, and what the caller may do in it."""

    id: str
    name: str
    role: str


class Me(Shape):
    """The signed-in user."""

    id: str
    email: str
    name: str | None = None
    workspaces: list[Membership] = []


class ApiKey(Shape):
    """A key for programs; `key` itself is shown once, when it is made."""

    id: str
    name: str
    role: str
    scopes: list[str] = []
    hint: str | None = None
    key: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None


class Progress(Shape):
    """How far indexing is."""

    stage: str | None = None
    done: int = 0
    total: int | None = None
    fraction: float = 0.0


class Failure(Shape):
    """Why indexing failed."""

    code: str
    reason: str


class Asset(Shape):
    """A video, from the first byte to searchable."""

    id: str
    name: str
    status: Status
    content_type: str
    size_bytes: int
    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    codec: str | None = None
    interval_s: float
    metadata: dict[str, object] = {}
    tags: list[str] = []
    progress: Progress | None = None
    failure: Failure | None = None
    captured_at: datetime | None = None
    created_at: datetime
    updated_at: datetime


class AssetPage(Shape):
    """One page of assets."""

    items: list[Asset]
    next_cursor: str | None = None


class Part(Shape):
    """One part of a multipart upload that storage has."""

    part_number: int
    etag: str
    size_bytes: int


class Upload(Shape):
    """How to bring the bytes: one signed PUT, or parts whose addresses are asked for in batches."""

    method: Literal["put", "multipart"]
    url: str | None = None
    headers: dict[str, str] = {}
    upload_id: str | None = None
    part_size_bytes: int = 0
    part_count: int = 0
    uploaded: list[Part] = []


class SignedPart(Shape):
    """Where one part goes."""

    part_number: int
    url: str
    headers: dict[str, str] = {}


class Created(Shape):
    """A new asset, and how to upload it."""

    asset: Asset
    upload: Upload


class Sheet(Shape):
    """The contact sheet a frame lies on, and which of its tiles the frame is."""

    url: str
    columns: int
    tile: int
    tile_width: int
    tile_height: int


class StepFrame(Shape):
    """The frame of one step of a sequence."""

    time_s: float
    score: float


class Moment(Shape):
    """A stretch of a video that answers the question."""

    asset_id: str
    asset_name: str
    start_s: float
    end_s: float
    peak_s: float
    score: float
    relevance: float
    confidence: float | None = None
    sheet: Sheet | None = None
    steps: list[StepFrame] = []
    collapsed: list[dict[str, object]] = []


class Model(Shape):
    """The neural network whose vectors were compared."""

    id: str
    revision: str | None = None
    dim: int | None = None


class WordsUsed(Shape):
    """What became of the words that titles, tags and notes were searched for."""

    used: list[str] = []
    too_common: list[str] = []
    videos: int = 0

    @property
    def told(self) -> str:
        """In how many videos, and which words were too common to tell them apart."""
        common = f" ({', '.join(self.too_common)} too common)" if self.too_common else ""
        return f"{self.videos} videos{common}"


class Plan(Shape):
    """How the vectors were searched, and whether every one that matches the filter was looked at."""

    path: str
    matching: int | None = None
    candidates: int | None = None
    complete: bool | None = None
    escalated: bool = False
    words: WordsUsed | None = None
    cached: bool = False


class Verdict(Shape):
    """Whether anything is what was asked for."""

    found: bool
    bar: float
    best: float
    described: float | None = None
    height: float | None = None
    share: float | None = None
    reason: str


class Took(Shape):
    """Where the time went, in milliseconds."""

    embed: float = 0.0
    sql: float = 0.0
    total: float = 0.0


class Found(Shape):
    """The answer to a question."""

    search_id: str
    model: Model
    plan: Plan
    session_id: str | None = None
    took_ms: Took = Field(default_factory=Took)
    verdict: Verdict | None = None
    moments: list[Moment]
    next_cursor: str | None = None

    @property
    def sure(self) -> bool:
        """Whether anything was found, and not only what comes closest."""
        return self.verdict is None or self.verdict.found

    @property
    def usual(self) -> bool:
        """Whether much of the footage shows it, so that no moment stands out."""
        return self.verdict is not None and self.verdict.share is not None

    @property
    def measure(self) -> str:
        """What relevance says: how far a moment stands out is all, where other words describe it better."""
        verdict = self.verdict
        return "stands out" if verdict and not verdict.found and verdict.best >= verdict.bar else "relevance"
