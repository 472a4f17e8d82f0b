"""Frames marked yes and no, by time or by tag."""

from uuid import UUID

from sightline.cursor import encode_cursor
from sightline.database import Connection, transaction
from sightline.errors import ConflictError, ValidationError
from sightline.principal import Principal
from sightline.scenarios.concepts import mark_store, store
from sightline.scenarios.concepts.answers import answer_of, found, place_in
from sightline.scenarios.concepts.schemas import (
    MAX_MARKS,
    ConceptAnswer,
    FrameMark,
    MarkAnswer,
    MarkPage,
    MarksRequest,
    TagMarks,
)


def change_marks(principal: Principal, concept_id: UUID, wanted: MarksRequest) -> ConceptAnswer:
    """Adds and takes back marks. Raises: NotFoundError, ValidationError, ConflictError."""
    with transaction(principal.workspace_id) as conn:
        found(store.lock_concept(conn, concept_id))
        mark(conn, principal, concept_id, wanted)
        return answer_of(found(store.concept(conn, concept_id)))


def list_marks(principal: Principal, concept_id: UUID, *, cursor: str | None, limit: int) -> MarkPage:
    """In order of videos and times. Raises: NotFoundError."""
    after = place_in(cursor, (str, float), uuid_at=0)
    with transaction(principal.workspace_id) as conn:
        found(store.concept(conn, concept_id))
        rows = mark_store.marks(conn, concept_id, after=after, limit=limit + 1)
    items = [MarkAnswer(**row) for row in rows[:limit]]
    last = items[-1] if len(rows) > limit else None
    return MarkPage(items=items, next_cursor=encode_cursor(str(last.asset_id), last.time_s) if last else None)


def mark(conn: Connection, principal: Principal, concept_id: UUID, wanted: MarksRequest) -> None:
    """Finds the frames that are meant and writes the marks. Raises: ValidationError, ConflictError."""
    mark_store.remove_marks(conn, concept_id, _frames(conn, "remove", wanted.remove))
    for yes, name, marks, tags in (
        (True, "yes", wanted.yes, wanted.yes_tags),
        (False, "no", wanted.no, wanted.no_tags),
    ):
        frames = _frames(conn, name, marks) + _tagged(conn, f"{name}_tags", tags)
        if frames:
            mark_store.put_marks(
                conn,
                workspace_id=principal.workspace_id,
                concept_id=concept_id,
                by=principal.principal_id,
                yes=yes,
                frames=frames,
            )
    if mark_store.count_marks(conn, concept_id) > MAX_MARKS:
        raise ConflictError(f"A concept has at most {MAX_MARKS} marks.")


def _frames(conn: Connection, name: str, marks: list[FrameMark]) -> list[tuple[UUID, float]]:
    if not marks:
        return []
    times_s = mark_store.nearest_frames(conn, marks)
    unknown = [place for place, time_s in enumerate(times_s) if time_s is None]
    if unknown:
        raise ValidationError(
            "See errors for the fields.",
            errors=[
                {"field": f"body.{name}.{place}", "message": "No indexed frame of a video is near this."}
                for place in unknown[:20]
            ],
        )
    return [(mark.asset_id, at) for mark, at in zip(marks, times_s, strict=True) if at is not None]


def _tagged(conn: Connection, name: str, tags: list[TagMarks]) -> list[tuple[UUID, float]]:
    frames = []
    for place, one in enumerate(tags):
        rows = mark_store.tagged_frames(conn, tag=one.tag, frames=one.frames)
        if not rows:
            field = {"field": f"body.{name}.{place}", "message": "No indexed video carries this tag."}
            raise ValidationError("See errors for the fields.", errors=[field])
        frames += [(row["asset_id"], row["time_s"]) for row in rows]
    return frames
