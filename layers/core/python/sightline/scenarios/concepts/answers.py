"""Concepts and their trainings as their owner sees them."""

from typing import Any
from uuid import UUID

from sightline.cursor import decode_cursor
from sightline.database import Row
from sightline.errors import InvalidCursorError, NotFoundError
from sightline.scenarios.concepts import rules
from sightline.scenarios.concepts.schemas import (
    Applied,
    ConceptAnswer,
    FailureAnswer,
    Marked,
    Metrics,
    VersionAnswer,
)


def found(row: Row | None) -> Row:
    """Raises: NotFoundError where there is nothing, or nothing of this workspace."""
    if row is None:
        raise NotFoundError("There is no such concept.")
    return row


def found_version(row: Row | None) -> Row:
    """Raises: NotFoundError."""
    if row is None:
        raise NotFoundError("There is no such version of a concept.")
    return row


def answer_of(row: Row) -> ConceptAnswer:
    """A concept as its owner sees it."""
    kept = row["kept_version"]
    return ConceptAnswer(
        **fields(ConceptAnswer, row, but=("latest",)),
        tag=rules.tag_of(row["name"]),
        marks=Marked(yes=row["yes"], no=row["no"]),
        latest=version_answer(row["latest"]) if row["latest"] else None,
        applied=Applied(videos=row["videos_applied"], of=row["videos"]) if kept is not None else None,
    )


def version_answer(row: Row) -> VersionAnswer:
    """A training as its owner sees it."""
    failure = (
        FailureAnswer(code=row["failure_code"], reason=row["failure_reason"]) if row["failure_code"] else None
    )
    metrics = Metrics.model_validate(row["metrics"]) if row["metrics"] else None
    return VersionAnswer(**fields(VersionAnswer, row, but=("metrics",)), metrics=metrics, failure=failure)


def fields(shape: Any, row: Row, but: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a row says of a shape's fields."""
    return {name: row[name] for name in shape.model_fields if name in row and name not in but}


def place_in(cursor: str | None, types: tuple[type, ...], *, uuid_at: int) -> Any:
    """Where a page goes on. Raises: InvalidCursorError."""
    if cursor is None:
        return None
    place = decode_cursor(cursor, types)
    try:
        UUID(place[uuid_at])
    except ValueError as error:
        raise InvalidCursorError from error
    return place
