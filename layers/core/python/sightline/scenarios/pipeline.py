"""A search from question to moments: embed, rank, group, calibrate, sign, record."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import psycopg
from pgvector import HalfVector

from sightline.database import Connection, transaction
from sightline.errors import DatabaseUnavailableError
from sightline.ports import Blobs, Embedder, SignedRequest
from sightline.principal import Principal
from sightline.scenarios import rules, store
from sightline.scenarios.paging import Place, cursor_after, read_place
from sightline.scenarios.schemas import (
    Filters,
    FrameHit,
    Moment,
    MomentAnswer,
    SearchAnswer,
    SearchModel,
    SearchPlan,
    SearchRequest,
    SheetTile,
    Took,
)
from sightline.settings import get_settings
from sightline.telemetry import logger
from sightline.vectors.calibration import Background, relevances
from sightline.vectors.search import Plan, background_scores, choose_path, table_state
from sightline.vectors.spaces import Space, find_space


@dataclass(frozen=True, slots=True)
class Question:
    """A vector to rank by, and the model it came from."""

    vector: HalfVector
    model: SearchModel


@dataclass(frozen=True, slots=True)
class Found:
    """One page of moments with their relevance, and how they were found."""

    plan: Plan
    moments: Sequence[Moment]
    relevance: dict[FrameHit, float]
    frames: int
    more: bool


def search(principal: Principal, request: SearchRequest, *, embedder: Embedder, blobs: Blobs) -> SearchAnswer:
    """Answers one page. Raises: InvalidCursorError, EndpointUnavailableError, DatabaseUnavailableError."""
    began = time.perf_counter()
    place = read_place(request)
    question = (_ask_again(principal, place) if place else None) or ask(embedder, request.text)
    embedded = time.perf_counter()
    with transaction(principal.workspace_id) as conn:
        found = find_moments(conn, question, request, place)
        search_id = place.search_id if place else store.new_search_id(conn)
    ranked = time.perf_counter()
    answer = SearchAnswer(
        search_id=search_id,
        model=question.model,
        plan=SearchPlan(**asdict(found.plan)),
        took_ms=Took(embed=ms(embedded - began), sql=ms(ranked - embedded), total=0.0),
        moments=show(found, blobs),
        next_cursor=cursor_after(found.moments[-1], request=request, search_id=search_id, frames=found.frames)
        if found.more
        else None,
    )
    answer.took_ms.total = ms(time.perf_counter() - began)
    if place is None:
        record(principal, request, question, answer)
    return answer


def ask(embedder: Embedder, text: str) -> Question:
    """The question as a vector."""
    embedding = embedder.embed_texts([text])
    model = SearchModel(id=embedding.model_id, revision=embedding.revision, dim=embedding.dim)
    return Question(vector=HalfVector(embedding.vectors[0]), model=model)


def _ask_again(principal: Principal, place: Place) -> Question | None:
    """The vector the first page was ranked by; None when that search could not be recorded."""
    with transaction(principal.workspace_id) as conn:
        row = store.recorded_query(conn, place.search_id)
    if row is None:
        return None
    vector: HalfVector = row["query_vector"]
    model = SearchModel(id=row["model_id"], revision=row["revision"], dim=vector.dimensions())
    return Question(vector=vector, model=model)


def find_moments(conn: Connection, question: Question, request: SearchRequest, place: Place | None) -> Found:
    """One page of moments, and how relevant their frames are."""
    space = find_space(conn, model_id=question.model.id, dim=question.model.dim)
    matching = store.count_matching(conn, request.filters) if space else 0
    if space is None or matching == 0:
        return Found(plan=Plan("exact", 0, 0, complete=True), moments=(), relevance={}, frames=0, more=False)
    background = Background.of(background_scores(conn, space=space, query=question.vector))
    ranking = Ranking(conn, space, question.vector, background.centre, request.filters, matching)
    frames = max(rules.frames_for(request.limit), place.frames if place else 0)
    while True:
        plan, hits = ranking.best(frames)
        moments = rules.group_moments(hits, typical_score=background.centre)
        page, more = rules.page_of(moments, after=place.after if place else None, limit=request.limit)
        if more or plan.candidates < frames or frames >= min(rules.MAX_FRAMES, matching):
            break
        frames = rules.deeper(frames)
    shares = relevances([hit.score for hit in hits], background=background, searched=matching)
    return Found(plan, page, dict(zip(hits, shares, strict=True)), frames, more)


@dataclass(frozen=True, slots=True)
class Ranking:
    """The frames that a search's filters leave, ranked as deep as is asked."""

    conn: Connection
    space: Space
    vector: HalfVector
    typical_score: float
    filters: Filters
    matching: int

    def best(self, frames: int) -> tuple[Plan, list[FrameHit]]:
        """The best so many frames, exactly or through the graph, whichever costs less at this depth."""
        path = choose_path(
            matching=self.matching,
            wanted=frames,
            table=table_state(self.conn, self.space),
            exact_rows=get_settings().exact_search_rows,
        )
        return store.find_frames(
            self.conn,
            space=self.space,
            query=self.vector,
            typical_score=self.typical_score,
            filters=self.filters,
            plan=Plan(path, self.matching, frames, complete=True),
        )


def show(found: Found, blobs: Blobs) -> list[MomentAnswer]:
    """Moments with the signed addresses of their sheets; a sheet that shows several is signed once."""
    signed: dict[str, SignedRequest] = {}
    expires_s = get_settings().download_expires_s
    answers = []
    for moment in found.moments:
        peak = moment.peak
        if peak.object_key not in signed:
            signed[peak.object_key] = blobs.presign_get(peak.object_key, expires_s=expires_s)
        answers.append(_moment_answer(moment, found.relevance[peak], signed[peak.object_key]))
    return answers


def _moment_answer(moment: Moment, relevance: float, sheet: SignedRequest) -> MomentAnswer:
    peak = moment.peak
    return MomentAnswer(
        asset_id=peak.asset_id,
        asset_name=peak.asset_name,
        start_s=moment.start_s,
        end_s=moment.end_s,
        peak_s=peak.time_s,
        score=peak.score,
        relevance=relevance,
        sheet=SheetTile(
            url=sheet.url,
            expires_at=sheet.expires_at,
            columns=peak.columns,
            tile=peak.tile,
            tile_width=peak.tile_width,
            tile_height=peak.tile_height,
        ),
    )


def record(principal: Principal, request: SearchRequest, question: Question, answer: SearchAnswer) -> None:
    """Keeps the search; an answer that was found is given even when it cannot be noted down."""
    row = {
        "id": answer.search_id,
        "workspace_id": principal.workspace_id,
        "asked_by": principal.principal_id,
        "text": request.text,
        "filters": psycopg.types.json.Jsonb(request.filters.model_dump(mode="json", exclude_none=True)),
        "model_id": answer.model.id,
        "revision": answer.model.revision,
        "query_vector": question.vector,
        **answer.plan.model_dump(),
        "moments": len(answer.moments),
        **{f"{name}_ms": value for name, value in answer.took_ms},
    }
    try:
        with transaction(principal.workspace_id) as conn:
            store.record_search(conn, row)
    except (psycopg.Error, DatabaseUnavailableError):
        logger.exception("search not recorded", search_id=str(answer.search_id))


def ms(seconds: float) -> float:
    """Milliseconds, to one decimal."""
    return round(seconds * 1000, 1)
