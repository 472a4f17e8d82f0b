"""/v1/search, and what can be done with a search that was made."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from sightline.http import Principal, port, rate_limited, require_role
from sightline.multipart import MULTIPART, form_body, form_route
from sightline.ports.inference import Embedder
from sightline.ports.objects import Blobs
from sightline.ports.work import ActionQueue
from sightline.scenarios import actions, pipeline, sessions
from sightline.scenarios.actions import ActionAnswer, ActionRequest
from sightline.scenarios.legs import ConceptSource
from sightline.scenarios.pipeline import Providers
from sightline.scenarios.schemas import SearchAnswer, SearchRequest
from sightline.scenarios.sessions import RefineRequest, SessionAnswer

# A question with its picture as a file of a form.
router = APIRouter(
    prefix="/v1",
    tags=["scenarios"],
    route_class=form_route("image", lambda picture: {"image": {"data": picture}}),
)
_FORM = form_body("image", request="The question as JSON, without its image.", file="JPEG or PNG.")

Searcher = Annotated[Principal, require_role("viewer", "search")]
Editor = Annotated[Principal, require_role("editor", "assets:write")]
Actions = Annotated[ActionQueue, port(ActionQueue)]
Store = Annotated[Blobs, port(Blobs)]
RATE = [rate_limited("search", lambda settings: settings.search_rate_per_minute)]


async def concepts_of(request: Request) -> ConceptSource | None:
    """Where taught concepts are found, in an app that was given a source."""
    source = request.app.state.ports.get(ConceptSource)
    return source() if source else None


async def providers_of(
    embedder: Annotated[Embedder, port(Embedder)],
    concepts: Annotated[Any, Depends(concepts_of)],
) -> Providers:
    """What a search needs from outside."""
    return Providers(embedder, concepts)


Needs = Annotated[Providers, Depends(providers_of)]


@router.post("/search", dependencies=RATE, openapi_extra={"requestBody": {"content": {MULTIPART: _FORM}}})
def search(body: SearchRequest, principal: Searcher, providers: Needs, blobs: Store) -> SearchAnswer:
    """Finds the moments of the workspace's videos that show what is asked for, best first."""
    return pipeline.search(principal, body, providers=providers, blobs=blobs)


@router.post("/searches/{search_id}/refine", dependencies=RATE)
def refine_search(
    search_id: UUID, body: RefineRequest, principal: Searcher, providers: Needs, blobs: Store
) -> SearchAnswer:
    """Searches again, nearer to what was judged right and further from what was judged wrong."""
    return sessions.refine(principal, search_id, body, providers=providers, blobs=blobs)


@router.get("/searches/{search_id}/session")
def read_session(search_id: UUID, principal: Searcher) -> SessionAnswer:
    """The session that a search belongs to: its question, all judgements, its rounds."""
    return sessions.read_session(principal, search_id)


@router.post("/searches/{search_id}/actions", status_code=202, dependencies=RATE)
def act_on_results(search_id: UUID, body: ActionRequest, principal: Editor, queue: Actions) -> ActionAnswer:
    """Tags, untags or deletes the videos that hold the results, all of them; a job to be asked about."""
    return actions.begin(principal, search_id, body, queue=queue)


@router.get("/search-actions/{action_id}")
def read_action(action_id: UUID, principal: Searcher, queue: Actions) -> ActionAnswer:
    """How far a job is."""
    return actions.read(principal, action_id, queue=queue)


@router.delete("/search-actions/{action_id}")
def cancel_action(action_id: UUID, principal: Editor) -> ActionAnswer:
    """Stops a job; what it has done stays."""
    return actions.cancel(principal, action_id)
