"""/v1/search."""

from typing import Annotated

from sightline.http import Principal, create_router, port, rate_limited, require_role
from sightline.ports import Blobs, Embedder
from sightline.scenarios import pipeline
from sightline.scenarios.schemas import SearchAnswer, SearchRequest

router = create_router(prefix="/v1", tags=["scenarios"])

Searcher = Annotated[Principal, require_role("viewer", "search")]
_RATE = [rate_limited("search", lambda settings: settings.search_rate_per_minute)]


@router.post("/search", dependencies=_RATE)
def search(
    body: SearchRequest,
    principal: Searcher,
    embedder: Annotated[Embedder, port(Embedder)],
    blobs: Annotated[Blobs, port(Blobs)],
) -> SearchAnswer:
    """Finds the moments of the workspace's videos that show what the text says, best first."""
    return pipeline.search(principal, body, embedder=embedder, blobs=blobs)
