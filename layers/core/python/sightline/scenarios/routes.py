"""/v1/search, and what can be done with a search that was made."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from sightline.http import Principal, port, rate_limited, require_role
from sightline.ports import Blobs, Embedder
from sightline.scenarios import pipeline
from sightline.scenarios.legs import ConceptSource
from sightline.scenarios.multipart import MULTIPART, MULTIPART_BODY, PictureRoute
from sightline.scenarios.pipeline import Providers
from sightline.scenarios.schemas import SearchAnswer, SearchRequest

router = APIRouter(prefix="/v1", tags=["scenarios"], route_class=PictureRoute)

Searcher = Annotated[Principal, require_role("viewer", "search")]
Store = Annotated[Blobs, port(Blobs)]
RATE = [rate_limited("search", lambda settings: settings.search_rate_per_minute)]


def concepts_of(request: Request) -> ConceptSource | None:
    """Where taught concepts are found, in an app that was given a source."""
    source = request.app.state.ports.get(ConceptSource)
    return source() if source else None


def providers_of(
    embedder: Annotated[Embedder, port(Embedder)],
    concepts: Annotated[Any, Depends(concepts_of)],
) -> Providers:
    """What a search needs from outside."""
    return Providers(embedder, concepts)


Needs = Annotated[Providers, Depends(providers_of)]


@router.post(
    "/search", dependencies=RATE, openapi_extra={"requestBody": {"content": {MULTIPART: MULTIPART_BODY}}}
)
def search(body: SearchRequest, principal: Searcher, providers: Needs, blobs: Store) -> SearchAnswer:
    """Finds the moments of the workspace's videos that show what is asked for, best first."""
    return pipeline.search(principal, body, providers=providers, blobs=blobs)
