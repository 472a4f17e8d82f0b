"""A search from question to moments: look up, ask, compose, find, sign, record."""

import time
from dataclasses import dataclass
from uuid import UUID

from sightline.database import Connection, transaction
from sightline.errors import InvalidCursorError
from sightline.ports.inference import Embedder
from sightline.ports.objects import Blobs
from sightline.principal import Principal
from sightline.scenarios import recording
from sightline.scenarios.answers import SearchAnswer, Took
from sightline.scenarios.asking import ask, bank_of, keepable, look_up
from sightline.scenarios.composed import Composed, Vector
from sightline.scenarios.finding import Finder, Found, Judged, nothing
from sightline.scenarios.grounds import Workspace, ground_for
from sightline.scenarios.kept import Known
from sightline.scenarios.legs import Asked, Composer, ConceptSource, nothing_indexed, texts_of
from sightline.scenarios.paging import Place, read_place
from sightline.scenarios.recording import Recorded, find_recorded, recorded_search
from sightline.scenarios.schemas import SearchRequest
from sightline.scenarios.showing import Page
from sightline.scenarios.store import count_matching
from sightline.vectors.background import Ground
from sightline.vectors.captions import kept_bank

__all__ = ["Providers", "Recorded", "compose_for", "find_in_asset", "recorded_search", "repeat", "search"]


@dataclass(frozen=True, slots=True)
class Providers:
    """What a search needs from outside. concepts: None where none can be taught."""

    embedder: Embedder
    concepts: ConceptSource | None = None


def search(
    principal: Principal,
    request: SearchRequest,
    *,
    providers: Providers,
    blobs: Blobs,
    refined: Recorded | None = None,
) -> SearchAnswer:
    """Answers one page. refined: the recorded search that this one goes on from.

    Raises: InvalidCursorError, NotFoundError, ValidationError, EndpointUnavailableError.
    """
    began = time.perf_counter()
    place = read_place(request)
    earlier = find_recorded(principal.workspace_id, place.search_id) if place else None
    known = look_up(principal.workspace_id, request)
    asked: Asked | None = None
    if place is None and known.answer is not None and keepable(request):
        page, embedded = Page.kept(known.answer), time.perf_counter()
    else:
        if earlier is None:
            asked = ask(providers.embedder, request, known, refined.pictures if refined else None)
        model = earlier.composed.model if earlier else asked.model if asked else None
        bank = bank_of(providers.embedder, model) if model and texts_of(request) else None
        embedded = time.perf_counter()
        page = _page(
            principal,
            request,
            place=place,
            earlier=earlier,
            known=known,
            asked=asked,
            concepts=providers.concepts,
            bank=bank,
        )
    search_id = place.search_id if place else known.search_id
    session = earlier or refined
    took = Took(embed=ms(embedded - began), sql=ms(time.perf_counter() - embedded), total=0.0)
    answer = page.answer(
        request,
        search_id=search_id,
        session_id=session.session_id if session else search_id,
        blobs=blobs,
        took=took,
    )
    answer.took_ms.total = ms(time.perf_counter() - began)
    if place is None:
        recording.keep(principal, request, page, answer, known=known, asked=asked, recorded=refined)
    return answer


def repeat(principal: Principal, recorded: Recorded, *, providers: Providers, blobs: Blobs) -> SearchAnswer:
    """A recorded search once more, in its session, with the pictures it had. Raises: as search()."""
    return search(principal, recorded.request, providers=providers, blobs=blobs, refined=recorded)


def _page(
    principal: Principal,
    request: SearchRequest,
    *,
    place: Place | None,
    earlier: Recorded | None,
    known: Known,
    asked: Asked | None,
    concepts: ConceptSource | None,
    bank: Vector | None,
) -> Page:
    """One page: by the vectors of the first page where that was recorded, by new ones otherwise."""
    workspace = Workspace(principal.workspace_id, known.version)
    with transaction(principal.workspace_id) as conn:
        if earlier is not None:
            composed = earlier.composed
            ground = workspace.ground(conn, composed.model)
        elif asked is not None:
            ground = workspace.ground(conn, asked.model)
            composed = compose(conn, request, ground=ground, asked=asked, concepts=concepts)
        else:
            raise InvalidCursorError
        after, frames = (place.after, place.frames) if place else (None, 0)
        matching = workspace.count(conn, request.filters)
        found = find(
            conn, request, composed, ground=ground, matching=matching, after=after, frames=frames, bank=bank
        )
    return Page.of(found, composed)


def compose(
    conn: Connection,
    request: SearchRequest,
    *,
    ground: Ground | None,
    asked: Asked,
    concepts: ConceptSource | None,
) -> Composed:
    """The question as vectors. Raises: NotFoundError, ValidationError."""
    if ground is None:
        nothing_indexed(request)
        return Composed(asked.model, ())
    model = asked.model if asked.model.dim else asked.model.model_copy(update={"dim": ground.space.dim})
    composer = Composer(
        conn, ground.space, ground.background, Asked(model, asked.texts, asked.images), concepts
    )
    return composer.compose(request)


def find(
    conn: Connection,
    request: SearchRequest,
    composed: Composed,
    *,
    ground: Ground | None,
    matching: int,
    after: tuple[float, str, float] | None = None,
    frames: int = 0,
    bank: Vector | None = None,
) -> Found:
    """One page of moments by a composed question."""
    if ground is None or matching == 0 or not composed.steps:
        return nothing(request)
    if bank is None and texts_of(request):
        bank = kept_bank(conn, model_id=ground.space.model_id, dim=ground.space.dim)
    finder = Finder(conn, ground, request, composed, matching, bank)
    return finder.page(after=after, frames=frames)


# What sub-packages run searches with: no HTTP, no caller, one workspace.


def compose_for(workspace_id: UUID | str, request: SearchRequest, *, providers: Providers) -> Composed:
    """The question as vectors, to be kept and run later. Raises: as search()."""
    known: Known = look_up(workspace_id, request)
    asked = ask(providers.embedder, request, known)
    with transaction(workspace_id) as conn:
        ground = ground_for(conn, asked.model)
        return compose(conn, request, ground=ground, asked=asked, concepts=providers.concepts)


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
        ground = ground_for(conn, composed.model)
        matching = count_matching(conn, narrowed.filters)
        return list(find(conn, narrowed, composed, ground=ground, matching=matching).page)


def ms(seconds: float) -> float:
    """Milliseconds, to one decimal."""
    return round(seconds * 1000, 1)
