"""What can be done with concepts over the API, each in one transaction."""

from typing import Any
from uuid import UUID

from sightline.cursor import decode_cursor, encode_cursor, next_page
from sightline.database import Connection, Row, transaction
from sightline.errors import ConflictError, InvalidCursorError, NotFoundError, ValidationError
from sightline.ports import ApplicationQueue, Embedder, TrainingQueue
from sightline.principal import Principal
from sightline.scenarios.concepts import applied_store, mark_store, rules, store
from sightline.scenarios.concepts.schemas import (
    MAX_CONCEPTS,
    MAX_MARKS,
    Applied,
    ConceptAnswer,
    ConceptPage,
    ConceptRequest,
    FailureAnswer,
    FrameMark,
    HitAnswer,
    HitPage,
    MarkAnswer,
    Marked,
    MarkPage,
    MarksRequest,
    Metrics,
    TaggedAsset,
    TaggedPage,
    TagMarks,
    VersionAnswer,
    VersionPage,
)
from sightline.scenarios.concepts.training import current_model
from sightline.scenarios.concepts.wording import words_of
from sightline.telemetry import logger


def create_concept(principal: Principal, wanted: ConceptRequest) -> ConceptAnswer:
    """A new concept, with its first marks. Raises: ConflictError, ValidationError."""
    with transaction(principal.workspace_id) as conn:
        concept_id = new_concept(conn, principal, name=wanted.name, description=wanted.description)
        _mark(conn, principal, concept_id, wanted)
        answer = answer_of(found(store.concept(conn, concept_id)))
    logger.info("concept created", concept_id=str(concept_id))
    return answer


def new_concept(conn: Connection, principal: Principal, *, name: str, description: str) -> UUID:
    """Raises: ConflictError."""
    if store.count_concepts(conn) >= MAX_CONCEPTS:
        raise ConflictError(f"A workspace has at most {MAX_CONCEPTS} concepts.")
    concept_id = store.add_concept(
        conn,
        workspace_id=principal.workspace_id,
        name=name,
        description=description,
        by=principal.principal_id,
    )
    if concept_id is None:
        raise ConflictError("There is a concept of this name.")
    return concept_id


def list_concepts(principal: Principal, *, name: str | None, cursor: str | None, limit: int) -> ConceptPage:
    """In order of names."""
    after = decode_cursor(cursor, (str,))[0] if cursor else None
    with transaction(principal.workspace_id) as conn:
        rows = store.concepts(conn, after=after, name=name, limit=limit + 1)
    rows, following = next_page(rows, limit, "name")
    return ConceptPage(items=[answer_of(row) for row in rows], next_cursor=following)


def read_concept(principal: Principal, concept_id: UUID) -> ConceptAnswer:
    """One concept. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        return answer_of(found(store.concept(conn, concept_id)))


def delete_concept(principal: Principal, concept_id: UUID) -> None:
    """With the tags it put on videos. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        row = found(store.lock_concept(conn, concept_id))
        store.delete_concept(conn, concept_id, tag=rules.tag_of(row["name"]))


def change_marks(principal: Principal, concept_id: UUID, wanted: MarksRequest) -> ConceptAnswer:
    """Adds and takes back marks. Raises: NotFoundError, ValidationError, ConflictError."""
    with transaction(principal.workspace_id) as conn:
        found(store.lock_concept(conn, concept_id))
        _mark(conn, principal, concept_id, wanted)
        return answer_of(found(store.concept(conn, concept_id)))


def list_marks(principal: Principal, concept_id: UUID, *, cursor: str | None, limit: int) -> MarkPage:
    """In order of videos and times. Raises: NotFoundError."""
    after = _place(cursor, (str, float), uuid_at=0)
    with transaction(principal.workspace_id) as conn:
        found(store.concept(conn, concept_id))
        rows = mark_store.marks(conn, concept_id, after=after, limit=limit + 1)
    items = [MarkAnswer(**row) for row in rows[:limit]]
    last = items[-1] if len(rows) > limit else None
    return MarkPage(items=items, next_cursor=encode_cursor(str(last.asset_id), last.time_s) if last else None)


def train(
    principal: Principal, concept_id: UUID, *, queue: TrainingQueue, embedder: Embedder
) -> VersionAnswer:
    """Begins a training; while one waits, that one is answered. Raises: NotFoundError, ConflictError."""
    with transaction(principal.workspace_id) as conn:
        found(store.lock_concept(conn, concept_id))
        row = found(store.concept(conn, concept_id))
        if (reason := rules.why_not(row["yes"], row["no"])) is not None:
            raise ConflictError(reason)
        version = store.queued_version(conn, concept_id) or store.add_version(
            conn, _empty_version(concept_id, principal)
        )
    # Queued again for one that waits: its message may be the one that was lost.
    queue.send(
        {
            "workspace_id": principal.workspace_id,
            "concept_id": str(concept_id),
            "version": version["version"],
            **words_of(embedder, row),
        }
    )
    return version_answer(version)


def _empty_version(concept_id: UUID, principal: Principal) -> dict[str, Any]:
    nothing = dict.fromkeys(("dim", "weights", "bias", "calibration", "metrics", "marks"))
    about = {"concept_id": concept_id, "status": "queued", "model_id": current_model()}
    return {**nothing, **about, "by": principal.principal_id}


def list_versions(principal: Principal, concept_id: UUID, *, cursor: str | None, limit: int) -> VersionPage:
    """Newest first. Raises: NotFoundError."""
    before = decode_cursor(cursor, (int,))[0] if cursor else None
    if before is not None and not 0 < before < 2**31:
        raise InvalidCursorError
    with transaction(principal.workspace_id) as conn:
        found(store.concept(conn, concept_id))
        rows = store.versions(conn, concept_id, before=before, limit=limit + 1)
    rows, following = next_page(rows, limit, "version")
    return VersionPage(items=[version_answer(row) for row in rows], next_cursor=following)


def read_version(principal: Principal, concept_id: UUID, number: int) -> VersionAnswer:
    """One training. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        return version_answer(found_version(store.version(conn, concept_id, number)))


def keep(
    principal: Principal, concept_id: UUID, number: int, *, bar: float, queue: ApplicationQueue
) -> ConceptAnswer:
    """Searches and tags with this version from now on. Raises: NotFoundError, ConflictError."""
    with transaction(principal.workspace_id) as conn:
        found(store.lock_concept(conn, concept_id))
        version = found_version(store.version(conn, concept_id, number))
        if version["status"] in ("queued", "failed"):
            raise ConflictError("This training has not ended, or has failed.")
        store.keep(conn, concept_id, number, bar=bar)
        answer = answer_of(found(store.concept(conn, concept_id)))
    logger.info("concept kept", concept_id=str(concept_id), version=number)
    _queue_application(principal, concept_id, number, queue)
    return answer


def apply_again(principal: Principal, concept_id: UUID, *, queue: ApplicationQueue) -> ConceptAnswer:
    """Goes through everything indexed once more. Raises: NotFoundError, ConflictError."""
    with transaction(principal.workspace_id) as conn:
        row = found(store.concept(conn, concept_id))
    if row["kept_version"] is None:
        raise ConflictError("No version of it is kept yet.")
    _queue_application(principal, concept_id, row["kept_version"], queue)
    return answer_of(row)


def _queue_application(principal: Principal, concept_id: UUID, number: int, queue: ApplicationQueue) -> None:
    ids = {"workspace_id": principal.workspace_id, "concept_id": str(concept_id)}
    queue.send({**ids, "version": number})


def list_hits(
    principal: Principal, concept_id: UUID, *, asset_id: UUID | None, cursor: str | None, limit: int
) -> HitPage:
    """Moments that show it, surest first. Raises: NotFoundError."""
    after = _place(cursor, (float, str), uuid_at=1)
    with transaction(principal.workspace_id) as conn:
        found(store.concept(conn, concept_id))
        rows = applied_store.hits(conn, concept_id, asset_id=asset_id, after=after, limit=limit + 1)
    shown = rows[:limit]
    following = encode_cursor(shown[-1]["confidence"], str(shown[-1]["id"])) if len(rows) > limit else None
    return HitPage(items=[HitAnswer(**_fields(HitAnswer, row)) for row in shown], next_cursor=following)


def list_assets(principal: Principal, concept_id: UUID, *, cursor: str | None, limit: int) -> TaggedPage:
    """Videos that show it, surest first. Raises: NotFoundError."""
    after = _place(cursor, (float, str), uuid_at=1)
    with transaction(principal.workspace_id) as conn:
        found(store.concept(conn, concept_id))
        rows = applied_store.tagged_assets(conn, concept_id, after=after, limit=limit + 1)
    shown = rows[:limit]
    following = (
        encode_cursor(shown[-1]["confidence"], str(shown[-1]["asset_id"])) if len(rows) > limit else None
    )
    return TaggedPage(
        items=[TaggedAsset(**_fields(TaggedAsset, row)) for row in shown], next_cursor=following
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
        **_fields(ConceptAnswer, row, but=("latest",)),
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
    return VersionAnswer(**_fields(VersionAnswer, row, but=("metrics",)), metrics=metrics, failure=failure)


def _fields(shape: Any, row: Row, but: tuple[str, ...] = ()) -> dict[str, Any]:
    return {name: row[name] for name in shape.model_fields if name in row and name not in but}


def _mark(conn: Connection, principal: Principal, concept_id: UUID, wanted: MarksRequest) -> None:
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


def _place(cursor: str | None, types: tuple[type, ...], *, uuid_at: int) -> Any:
    if cursor is None:
        return None
    place = decode_cursor(cursor, types)
    try:
        UUID(place[uuid_at])
    except ValueError as error:
        raise InvalidCursorError from error
    return place
