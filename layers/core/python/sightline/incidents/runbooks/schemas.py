"""Runbooks, questions and answers on the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from sightline.contracts.base64_files import Base64File
from sightline.incidents.schemas import Shape

MAX_FILES = 2000
MAX_PATH_CHARS = 300
MAX_QUESTION_CHARS = 2000

IngestStatus = Literal["queued", "working", "done", "failed", "replaced"]
AnswerStatus = Literal["queued", "working", "answered", "not_said", "failed"]
Verdict = Literal["useful", "wrong"]

Collection = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Path = Annotated[str, StringConstraints(min_length=1, max_length=MAX_PATH_CHARS, pattern=r"^[^\x00]*$")]
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
Bucket = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
Prefix = Annotated[str, StringConstraints(max_length=1024, pattern=r"^[^\x00]*$")]
Question = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=2, max_length=MAX_QUESTION_CHARS, pattern=r"^[^\x00]*$"
    ),
]


class RunbookFile(Shape):
    path: Path
    text: Annotated[str, StringConstraints(max_length=500_000)]


class IngestRequest(Shape):
    """Files, a ZIP, or what lies below a prefix of a bucket: one of the three."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "collection": "ours",
                    "files": [
                        {
                            "path": "checkout/high-error-rate.md",
                            "text": "# Checkout errors\n\nRoll back the last release first.\n",
                        }
                    ],
                },
                {"collection": "ours", "bucket": "our-runbooks", "prefix": "docs/runbooks/"},
            ]
        },
    )

    collection: Collection = Field(
        default="default", description="What is read together and replaced together."
    )
    files: Annotated[list[RunbookFile], Field(min_length=1, max_length=MAX_FILES)] | None = None
    zip: Base64File | None = Field(default=None, description="A ZIP of Markdown files, in base64.")
    bucket: Bucket | None = Field(default=None, description="One that this workspace may import from.")
    prefix: Prefix = ""
    keep_missing: bool = Field(
        default=False, description="Keeps runbooks of the collection that are not among these."
    )

    @model_validator(mode="after")
    def _one_of_three(self) -> "IngestRequest":
        if sum(one is not None for one in (self.files, self.zip, self.bucket)) != 1:
            raise ValueError("Give files, zip or bucket.")
        if self.prefix and self.bucket is None:
            raise ValueError("A prefix belongs to a bucket.")
        return self


class RefusedFile(Shape):
    path: str
    reason: str


class IngestCounts(Shape):
    """Runbooks by what became of them."""

    added: int
    changed: int
    unchanged: int
    deleted: int = Field(description="Of the collection, because they are no longer among the files.")


class IngestAnswer(Shape):
    """How far the reading is."""

    id: UUID
    collection: str
    status: IngestStatus = Field(description="replaced: a later reading of the collection took its place.")
    runbooks: IngestCounts
    refused: list[RefusedFile]
    failure: str | None
    created_at: datetime
    finished_at: datetime | None


class RunbookSummary(Shape):
    id: UUID
    collection: str
    path: str
    title: str
    chunks: int
    updated_at: datetime


class RunbookPage(Shape):
    items: list[RunbookSummary]
    next_cursor: str | None


class ChunkAnswer(Shape):
    """A piece that can be cited."""

    headings: list[str]
    first_line: int
    last_line: int
    text: str


class RunbookAnswer(Shape):
    """A runbook as it was read, and in pieces."""

    id: UUID
    collection: str
    path: str
    title: str
    text: str
    chunks: list[ChunkAnswer]
    created_at: datetime
    updated_at: datetime


class QuestionRequest(Shape):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"question": "Pods of checkout restart all the time, where do I look?"}]
        },
    )

    question: Question
    incident_id: UUID | None = Field(default=None, description="Its alerts join the question.")
    conversation: UUID | None = Field(
        default=None, description="Of an answer before, to go on from there; an incident has its own."
    )


class Citation(Shape):
    """Where a sentence is from: words that were in the runbook when it was cited."""

    runbook_id: UUID
    collection: str
    path: str
    title: str
    headings: list[str]
    first_line: int
    last_line: int
    quote: str


class AnswerSentence(Shape):
    no: int
    text: str
    citations: list[Citation]


class CopilotAnswer(Shape):
    """An answer as far as it is written. Ask again with after=next_after until it is done."""

    id: UUID
    question: str
    conversation: UUID
    incident_id: UUID | None
    status: AnswerStatus = Field(description="not_said: the runbooks do not say. failed: notes say why.")
    done: bool
    subject: str = Field(description="The question as it was understood, with what came before.")
    sentences: list[AnswerSentence]
    next_after: int
    writer: str | None = Field(description="`extractive`: word by word from the runbooks.")
    notes: list[str] = Field(description="What was not as it should be.")
    dropped: int = Field(description="Sentences left out because no runbook holds them.")
    created_at: datetime
    finished_at: datetime | None


class FeedbackRequest(Shape):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"verdict": "wrong", "note": "We have no such host."}]},
    )

    verdict: Verdict
    note: Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")] = ""


class FeedbackAnswer(Shape):
    answer_id: UUID
    verdict: Verdict
    note: str
    given_at: datetime


class RunbookFeedback(Shape):
    """What was thought of answers that cite a runbook."""

    collection: str
    path: str
    useful: int
    wrong: int


class DailyFeedback(Shape):
    day: str
    useful: int
    wrong: int


class FeedbackReport(Shape):
    """Since when; per runbook, the most complained of first; per day; and the latest notes."""

    since: datetime
    useful: int
    wrong: int
    runbooks: list[RunbookFeedback]
    days: list[DailyFeedback]
    latest: list[FeedbackAnswer]
