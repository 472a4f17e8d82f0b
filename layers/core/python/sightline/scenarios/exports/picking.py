"""The moments of a search that an export was asked for: the best of all of them, and not of a page."""

import heapq
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sightline.database import Row
from sightline.scenarios import rules
from sightline.scenarios.everything import every_moment
from sightline.scenarios.finding import Judged
from sightline.scenarios.pipeline import Providers, Recorded, compose_for, recorded_search
from sightline.scenarios.schemas import SearchRequest


def moments_of_search(job: Row, *, providers: Providers) -> Sequence[Mapping[str, Any]]:
    """Best first, at most as many as the export wants. Raises: NotFoundError, ..."""
    asked, workspace_id = job["request"], job["workspace_id"]
    if asked.get("search_id"):
        recorded = recorded_search(workspace_id, UUID(asked["search_id"]))
    else:
        request = SearchRequest.model_validate(asked["search"])
        composed = compose_for(workspace_id, request, providers=providers)
        recorded = Recorded(job["id"], job["id"], request, composed, {})
    found = every_moment(workspace_id, recorded, min_relevance=asked["min_relevance"])
    best = heapq.nsmallest(asked["most_moments"], found, key=lambda one: rules.position(one.moment))
    return [_picked(judged) for judged in best]


def _picked(judged: Judged) -> Mapping[str, Any]:
    moment = judged.moment
    return {
        "asset_id": moment.peak.asset_id,
        "start_s": moment.start_s,
        "end_s": moment.end_s,
        "peak_s": moment.peak.time_s,
        "score": moment.peak.score,
        "relevance": judged.relevance,
    }
