"""A search from question to moments: look up, embed, compose, find, sign, record."""

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from psycopg.types.json import Jsonb

from sightline.database import Connection, Row, transaction
from sightline.errors import DatabaseUnavailableError, InvalidCursorError, NotFoundError
from sightline.ports import Blobs, Embedder, Embedding
from sightline.principal import Principal
from sightline.scenarios import kept, store
from sightline.scenarios.answers import SearchAnswer, SearchModel, Took
from sightline.scenarios.composed import Composed
from sightline.scenarios.finding import Finder, Found, Judged, nothing
from sightline.scenarios.kept import Known
from sightline.scenarios.legs import Asked, Composer, ConceptSource, images_of, steps_of, texts_of
from sightline.scenarios.paging import Place, fingerprint, read_place
from sightline.scenarios.schemas import SearchRequest
from sightline.scenarios.showing import Page
from sightline.settings import get_settings
from sightline.telemetry import logger
from sightline.vectors.search import background_sample
from sightline.vectors.spaces import Space, find_space, space_of_model


@dataclass(frozen=True, slots=True)
class Providers:
    """What a search needs from outside. concepts: None where none can be taught."""

    embedder: Embedder
    concepts: ConceptSource | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A search that was asked before."""

    id: UUID
    session_id: UUID
    request: SearchRequest
    composed: Composed


def search(
    principal: Principal,
    request: SearchRequest,
    *,
    providers: Providers,
    blobs: Blobs,
    session_id: UUID | None = None,
) -> SearchAnswer:
    """Answers one page.

    Raises: InvalidCursorError, NotFoundError, ValidationError, EndpointUnavailableError.
    """
    began = time.perf_counter()
    place = read_place(request)
    key = answer_key(request)
    known = look_up(principal.workspace_id, request, key)
    if place is None and known.answer is not None and keepable(request):
        page, asked, embedded = Page.kept(known.answer), None, time.perf_counter()
        with transaction(principal.workspace_id) as conn:
            search_id = store.new_search_id(conn)
    else:
        asked = None if place and _is_recorded(principal, place) else ask(providers.embedder, request, known)
        embedded = time.perf_counter()
        with transaction(principal.workspace_id) as conn:
            page = _page(conn, request, place=place, asked=asked, concepts=providers.concepts)
            search_id = place.search_id if place else store.new_search_id(conn)
    took = Took(embed=ms(embedded - began), sql=ms(time.perf_counter() - embedded), total=0.0)
    answer = page.answer(
        request, search_id=search_id, session_id=session_id or search_id, blobs=blobs, took=took
    )
    answer.took_ms.total = ms(time.perf_counter() - began)
    if place is None:
        _keep(principal, request, page, answer, known=known, asked=asked, key=key)
    return answer


def _is_recorded(principal: Principal, place: Place) -> bool:
    with transaction(principal.workspace_id) as conn:
        return store.recorded_search(conn, place.search_id) is not None


def _page(
    conn: Connection,
    request: SearchRequest,
    *,
    place: Place | None,
    asked: Asked | None,
    concepts: ConceptSource | None,
) -> Page:
    """One page: by the vectors of the first page where that was recorded, by new ones otherwise."""
    recorded = store.recorded_search(conn, place.search_id) if place and asked is None else None
    composed = Composed.of(recorded["composed"]) if recorded else None
    model = composed.model if composed else asked.model if asked else None
    if model is None:
        raise InvalidCursorError
    space = space_for(conn, model)
    if composed is None and asked is not None:
        composed = compose(conn, request, space=space, asked=asked, concepts=concepts)
    assert composed is not None  # noqa: S101 - either recorded or asked
    after, frames = (place.after, place.frames) if place else (None, 0)
    found = find(conn, request, composed, space=space, after=after, frames=frames)
    return Page.of(found, composed)


def ask(embedder: Embedder, request: SearchRequest, known: Known | None = None) -> Asked:
    """What the model makes of the question's words and pictures; what is known is not asked again."""
    texts, images = texts_of(request), images_of(request)
    had = dict(known.vectors) if known else {}
    if known and all(question in had for question in (*texts, *images)) and (texts or images):
        size = len(next(iter(had.values())))
        model = SearchModel(id=get_settings().image_model, revision=known.revision, dim=size)
        return Asked(model, {t: had[t] for t in texts}, {i: had[i] for i in images})
    seen: list[Embedding] = []
    words = _embedded(texts, embedder.embed_texts, seen)
    pictures = _embedded(images, embedder.embed_images, seen)
    if not seen:
        return Asked(SearchModel(id=get_settings().image_model, revision="", dim=0))
    first = seen[0]
    return Asked(SearchModel(id=first.model_id, revision=first.revision, dim=first.dim), words, pictures)


def _embedded(items: list[str], embed: Any, seen: list[Embedding]) -> dict[str, Any]:
    if not items:
        return {}
    embedding: Embedding = embed(items)
    seen.append(embedding)
    return dict(zip(items, np.asarray(embedding.vectors, np.float32), strict=True))


def space_for(conn: Connection, model: SearchModel) -> Space | None:
    """The space of a question's model; None while nothing was indexed with it."""
    if model.dim:
        return find_space(conn, model_id=model.id, dim=model.dim)
    return space_of_model(conn, model.id)


def compose(
    conn: Connection,
    request: SearchRequest,
    *,
    space: Space | None,
    asked: Asked,
    concepts: ConceptSource | None,
) -> Composed:
    """The question as vectors. Raises: NotFoundError, ValidationError."""
    if space is None:
        return Composed(asked.model, ())
    model = asked.model if asked.model.dim else asked.model.model_copy(update={"dim": space.dim})
    background = background_sample(conn, space=space)
    composer = Composer(conn, space, background, Asked(model, asked.texts, asked.images), concepts)
    return composer.compose(request)


def find(
    conn: Connection,
    request: SearchRequest,
    composed: Composed,
    *,
    space: Space | None,
    after: tuple[float, str, float] | None = None,
    frames: int = 0,
) -> Found:
    """One page of moments by a composed question."""
    matching = store.count_matching(conn, request.filters) if space else 0
    if space is None or matching == 0 or not composed.steps:
        return nothing(request)
    background = background_sample(conn, space=space)
    finder = Finder(conn, space, background, request, composed, matching)
    return finder.page(after=after, frames=frames)


# What sub-packages run searches with: no HTTP, no caller, one workspace.


def compose_for(workspace_id: UUID | str, request: SearchRequest, *, providers: Providers) -> Composed:
    """The question as vectors, to be kept and run later. Raises: as search()."""
    asked = ask(providers.embedder, request, look_up(workspace_id, request, answer_key(request)))
    with transaction(workspace_id) as conn:
        space = space_for(conn, asked.model)
        return compose(conn, request, space=space, asked=asked, concepts=providers.concepts)


def find_in_asset(
    workspace_id: UUID | str,
    request: SearchRequest,
    composed: Composed,
    *,
    asset_id: UUID,
    min_relevance: float,
) -> list[Judged]:
    """The moments of one video, at most 100, that are relevant by the workspace's own background.

    The request's other filters hold too: a video that does not meet them has none.
    """
    wanted = request.filters.asset_ids
    if wanted is not None and asset_id not in wanted:
        return []
    narrowed = request.model_copy(
        update={
            "filters": request.filters.model_copy(update={"asset_ids": [asset_id]}),
            "min_relevance": min_relevance,
            "limit": 100,
            "cursor": None,
        }
    )
    with transaction(workspace_id) as conn:
        return list(find(conn, narrowed, composed, space=space_for(conn, composed.model)).page)


def recorded_search(workspace_id: UUID | str, search_id: UUID) -> Recorded:
    """A search of this workspace as it was asked. Raises: NotFoundError."""
    with transaction(workspace_id) as conn:
        row = store.recorded_search(conn, search_id)
    if row is None:
        raise NotFoundError("There is no such search.")
    return Recorded(
        row["id"],
        row["session_id"],
        SearchRequest.model_validate(row["request"]),
        Composed.of(row["composed"]),
    )


# What is kept


def answer_key(request: SearchRequest) -> bytes:
    """What a first page is kept under."""
    asked = f"{get_settings().image_model}\0{request.limit}\0".encode() + fingerprint(request)
    return hashlib.sha256(asked).digest()


def keepable(request: SearchRequest) -> bool:
    """Not where a concept is asked for: teaching it anew changes the answer and no video."""
    return not any(step.concepts for step in steps_of(request))


def look_up(workspace_id: UUID | str, request: SearchRequest, key: bytes) -> Known:
    """What is known before anything is asked."""
    settings = get_settings()
    with transaction(workspace_id) as conn:
        return kept.look_up(
            conn,
            key=key,
            model_id=settings.image_model,
            questions=[*texts_of(request), *images_of(request)],
            answers_s=settings.answers_kept_s,
            vectors_s=settings.question_vectors_kept_s,
        )


def _keep(
    principal: Principal,
    request: SearchRequest,
    page: Page,
    answer: SearchAnswer,
    *,
    known: Known,
    asked: Asked | None,
    key: bytes,
) -> None:
    """Records the search and keeps what was found; an answer is given even when that cannot be noted down."""
    settings = get_settings()
    with _not_vital(answer.search_id), transaction(principal.workspace_id) as conn:
        store.record_search(conn, _row(principal, request, page, answer))
    if asked is None:
        return
    vectors = {q: v for q, v in {**asked.texts, **asked.images}.items() if q not in known.vectors}
    with _not_vital(answer.search_id), transaction(principal.workspace_id) as conn:
        if vectors:
            kept.keep_vectors(
                conn,
                model_id=asked.model.id,
                revision=asked.model.revision,
                vectors=vectors,
                vectors_s=settings.question_vectors_kept_s,
            )
        if keepable(request):
            kept.keep_answer(
                conn, key=key, version=known.version, answer=page.as_json(), answers_s=settings.answers_kept_s
            )


@contextmanager
def _not_vital(search_id: UUID) -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, DatabaseUnavailableError):
        logger.exception("search not recorded", search_id=str(search_id))


def _row(principal: Principal, request: SearchRequest, page: Page, answer: SearchAnswer) -> Row:
    composed, plan = page.composed, answer.plan
    told: Mapping[str, Any] = request.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {
        "id": answer.search_id,
        "workspace_id": principal.workspace_id,
        "session_id": answer.session_id,
        "asked_by": principal.principal_id,
        "text": request.text,
        "filters": Jsonb(request.filters.model_dump(mode="json", exclude_none=True, by_alias=True)),
        "request": Jsonb(_without_pictures(told)),
        "composed": Jsonb(composed.as_json()),
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


def _without_pictures(told: Mapping[str, Any]) -> dict[str, Any]:
    """Uploaded pictures are not kept, only what the model made of them."""
    request = {name: value for name, value in told.items() if name != "cursor"}
    for step in (request, *request.get("then", [])):
        if "data" in (step.get("image") or {}):
            step["image"] = {"data": "kept as a vector"}
    return request


def ms(seconds: float) -> float:
    """Milliseconds, to one decimal."""
    return round(seconds * 1000, 1)
