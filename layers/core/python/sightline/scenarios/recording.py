"""Searches are recorded, and what was found is kept; neither may cost anybody an answer."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from pgvector import HalfVector
from psycopg.types.json import Jsonb

from sightline.database import Row, transaction
from sightline.errors import DatabaseUnavailableError, NotFoundError
from sightline.principal import Principal
from sightline.scenarios import kept, store
from sightline.scenarios.answers import SearchAnswer
from sightline.scenarios.asking import answer_key, keepable
from sightline.scenarios.composed import Composed, Vector, as_array, pack, unpack
from sightline.scenarios.kept import Known
from sightline.scenarios.legs import Asked, picture_name
from sightline.scenarios.schemas import SearchRequest
from sightline.scenarios.showing import Page
from sightline.settings import get_settings
from sightline.telemetry import logger


@dataclass(frozen=True, slots=True)
class Recorded:
    """A search that was asked before. pictures: vectors of uploaded ones, whose files are not kept."""

    id: UUID
    session_id: UUID
    request: SearchRequest
    composed: Composed
    pictures: Mapping[str, Vector] = field(default_factory=dict)


def recorded_search(workspace_id: UUID | str, search_id: UUID) -> Recorded:
    """A search of this workspace as it was asked. Raises: NotFoundError."""
    found = find_recorded(workspace_id, search_id)
    if found is None:
        raise NotFoundError("There is no such search.")
    return found


def find_recorded(workspace_id: UUID | str, search_id: UUID) -> Recorded | None:
    """None where there is none, or it could not be recorded."""
    with transaction(workspace_id) as conn:
        row = store.recorded_search(conn, search_id)
    if row is None:
        return None
    return Recorded(
        id=row["id"],
        session_id=row["session_id"],
        request=SearchRequest.model_validate(row["request"]),
        composed=Composed.of(row["composed"]),
        pictures={name: as_array(unpack(one)) for name, one in row["composed"]["pictures"].items()},
    )


def keep(
    principal: Principal,
    request: SearchRequest,
    page: Page,
    answer: SearchAnswer,
    *,
    known: Known,
    asked: Asked | None,
    recorded: Recorded | None,
) -> None:
    """Records the search, and keeps what was asked of the model and found. asked: None for a kept answer."""
    images = dict(asked.images) if asked else {}
    pictures = {picture_name(image): pack_array(vector) for image, vector in images.items()}
    pictures |= {name: pack_array(vector) for name, vector in recorded.pictures.items()} if recorded else {}
    entered = transaction(principal.workspace_id, durable=False)
    with _not_vital(answer.search_id), entered as conn, conn.pipeline():
        store.record_search(conn, _row(principal, request, page, answer, pictures), _moments(answer))
        if asked is None:
            return
        settings = get_settings()
        new = {q: v for q, v in {**asked.texts, **images}.items() if q not in known.vectors}
        if new:
            kept.keep_vectors(
                conn,
                model_id=asked.model.id,
                revision=asked.model.revision,
                vectors=new,
                vectors_s=settings.question_vectors_kept_s,
            )
        if keepable(request):
            kept.keep_answer(
                conn,
                key=answer_key(request),
                version=known.version,
                answer=page.as_json() | {"pictures": pictures},
                answers_s=settings.answers_kept_s,
            )


@contextmanager
def _not_vital(search_id: UUID) -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, DatabaseUnavailableError):
        logger.exception("search not recorded", search_id=str(search_id))


def _row(
    principal: Principal,
    request: SearchRequest,
    page: Page,
    answer: SearchAnswer,
    pictures: Mapping[str, str],
) -> Row:
    composed, plan = page.composed, answer.plan
    return {
        "id": answer.search_id,
        "workspace_id": principal.workspace_id,
        "session_id": answer.session_id,
        "asked_by": principal.principal_id,
        "text": request.text,
        "filters": Jsonb(request.filters.model_dump(mode="json", exclude_none=True, by_alias=True)),
        "request": Jsonb(as_told(request)),
        "composed": Jsonb(composed.as_json() | {"pictures": dict(pictures or page.pictures)}),
        "model_id": composed.model.id,
        "revision": composed.model.revision,
        "query_vector": composed.steps[0].vector if composed.steps else None,
        "path": plan.path,
        "matching": plan.matching,
        "candidates": plan.candidates,
        "complete": plan.complete,
        "cached": plan.cached,
        "found": answer.verdict.found,
        "best": answer.verdict.best,
        "moments": len(answer.moments),
        **{f"{name}_ms": value for name, value in answer.took_ms},
    }


def _moments(answer: SearchAnswer) -> list[Row]:
    """What it showed, best first."""
    kept = {"asset_id", "start_s", "end_s", "peak_s", "score", "relevance"}
    return [
        {"place": place, **moment.model_dump(mode="json", include=kept)}
        for place, moment in enumerate(answer.moments, 1)
    ]


def as_told(request: SearchRequest) -> dict[str, Any]:
    """The question as it is recorded: uploaded pictures by their hash, no place in the pages."""
    told = request.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"cursor"})
    for step in (told, *told.get("then", [])):
        if "data" in (step.get("image") or {}):
            step["image"] = {"data": picture_name(step["image"]["data"])}
    return told


def pack_array(vector: Vector) -> str:
    """As a vector is kept in JSON."""
    return pack(HalfVector(vector))
