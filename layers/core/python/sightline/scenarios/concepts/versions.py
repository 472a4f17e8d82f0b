"""Trainings of a concept: begun, looked at, kept, and what a kept one shows."""

from typing import Any
from uuid import UUID

from sightline.cursor import decode_cursor, encode_cursor, next_page
from sightline.database import transaction
from sightline.errors import ConflictError, InvalidCursorError
from sightline.ports.inference import Embedder
from sightline.ports.work import ApplicationQueue, TrainingQueue
from sightline.principal import Principal
from sightline.scenarios.concepts import applied_store, rules, store
from sightline.scenarios.concepts.answers import (
    answer_of,
    fields,
    found,
    found_version,
    place_in,
    version_answer,
)
from sightline.scenarios.concepts.schemas import (
    ConceptAnswer,
    HitAnswer,
    HitPage,
    TaggedAsset,
    TaggedPage,
    VersionAnswer,
    VersionPage,
)
from sightline.scenarios.concepts.training import current_model
from sightline.scenarios.concepts.wording import words_of
from sightline.telemetry import logger


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
    after = place_in(cursor, (float, str), uuid_at=1)
    with transaction(principal.workspace_id) as conn:
        found(store.concept(conn, concept_id))
        rows = applied_store.hits(conn, concept_id, asset_id=asset_id, after=after, limit=limit + 1)
    shown = rows[:limit]
    following = encode_cursor(shown[-1]["confidence"], str(shown[-1]["id"])) if len(rows) > limit else None
    return HitPage(items=[HitAnswer(**fields(HitAnswer, row)) for row in shown], next_cursor=following)


def list_assets(principal: Principal, concept_id: UUID, *, cursor: str | None, limit: int) -> TaggedPage:
    """Videos that show it, surest first. Raises: NotFoundError."""
    after = place_in(cursor, (float, str), uuid_at=1)
    with transaction(principal.workspace_id) as conn:
        found(store.concept(conn, concept_id))
        rows = applied_store.tagged_assets(conn, concept_id, after=after, limit=limit + 1)
    shown = rows[:limit]
    following = (
        encode_cursor(shown[-1]["confidence"], str(shown[-1]["asset_id"])) if len(rows) > limit else None
    )
    return TaggedPage(items=[TaggedAsset(**fields(TaggedAsset, row)) for row in shown], next_cursor=following)
