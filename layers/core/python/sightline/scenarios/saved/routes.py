"""/v1/searches and /v1/saved-searches."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime

from sightline.http import Cursor, Limit, Principal, create_router, rate_limited, require_role
from sightline.scenarios.answers import SearchAnswer
from sightline.scenarios.routes import RATE, Needs, Searcher, Store
from sightline.scenarios.saved import judging, pipeline
from sightline.scenarios.saved.recorded_schemas import AnalyticsAnswer, RecordedPage, RecordedWhole
from sightline.scenarios.saved.schemas import (
    LabelsAnswer,
    LabelsRequest,
    MatchPage,
    PrecisionAnswer,
    RunRequest,
    SavedAnswer,
    SavedChange,
    SavedPage,
    SavedRequest,
)

router = create_router(prefix="/v1", tags=["saved searches"])

Editor = Annotated[Principal, require_role("editor", "search")]
_WRITE_RATE = [rate_limited("saved-searches", lambda settings: settings.write_rate_per_minute)]
Since = Annotated[AwareDatetime | None, Query(description="With its time zone: 2026-01-31T00:00:00Z.")]
Text = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]


@router.get("/searches")
def list_recorded(
    principal: Searcher,
    text: Text = None,
    found: Annotated[bool | None, Query(description="false: nothing relevant was found.")] = None,
    asked_by: Text = None,
    saved_search_id: UUID | None = None,
    since: Since = None,
    until: Since = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> RecordedPage:
    """The workspace's searches, newest first; text keeps those that hold it."""
    wanted = {"text": text, "found": found, "asked_by": asked_by, "saved": saved_search_id}
    return pipeline.list_recorded(
        principal, {**wanted, "since": since, "until": until}, cursor=cursor, limit=limit
    )


@router.get("/searches/analytics")
def analytics(
    principal: Searcher,
    since: Since = None,
    until: Since = None,
    bucket: Literal["hour", "day", "week"] = "day",
) -> AnalyticsAnswer:
    """Counts, latencies, what was asked most and what was not found; of the last 30 days by default."""
    return judging.analytics(principal, since=since, until=until, bucket=bucket)


@router.get("/searches/{search_id}")
def read_recorded(search_id: UUID, principal: Searcher) -> RecordedWhole:
    """One search as it was asked, how it went and what it showed."""
    return pipeline.read_recorded(principal, search_id)


@router.post("/searches/{search_id}/repeat", dependencies=RATE)
def repeat(
    search_id: UUID, body: RunRequest, principal: Searcher, providers: Needs, blobs: Store
) -> SearchAnswer:
    """The same question again, of what is indexed now."""
    return pipeline.repeat(principal, search_id, body, providers=providers, blobs=blobs)


@router.post("/searches/{search_id}/labels", dependencies=_WRITE_RATE)
def label(search_id: UUID, body: LabelsRequest, principal: Editor) -> LabelsAnswer:
    """Says right or wrong of moments that it showed."""
    return judging.label(principal, search_id, body)


@router.post("/saved-searches", status_code=201, dependencies=_WRITE_RATE)
def save(body: SavedRequest, principal: Editor, providers: Needs) -> SavedAnswer:
    """Keeps a search under a name; a standing one then runs on every video that becomes ready."""
    return pipeline.save(principal, body, providers=providers)


@router.get("/saved-searches")
def list_saved(
    principal: Searcher,
    name: Text = None,
    standing: bool | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> SavedPage:
    """Saved searches in order of names."""
    return pipeline.list_saved(principal, name=name, standing=standing, cursor=cursor, limit=limit)


@router.get("/saved-searches/{saved_id}")
def read_saved(saved_id: UUID, principal: Searcher) -> SavedAnswer:
    """One saved search."""
    return pipeline.read_saved(principal, saved_id)


@router.patch("/saved-searches/{saved_id}")
def change_saved(saved_id: UUID, body: SavedChange, principal: Editor, providers: Needs) -> SavedAnswer:
    """Replaces its name, question or bar, or makes it stand or rest."""
    return pipeline.change_saved(principal, saved_id, body, providers=providers)


@router.delete("/saved-searches/{saved_id}", status_code=204)
def delete_saved(saved_id: UUID, principal: Editor) -> None:
    """Forgets it, what it matched and what was said of it; its runs stay recorded."""
    pipeline.delete_saved(principal, saved_id)


@router.post("/saved-searches/{saved_id}/run", dependencies=RATE)
def run_saved(
    saved_id: UUID, body: RunRequest, principal: Searcher, providers: Needs, blobs: Store
) -> SearchAnswer:
    """Asks it now."""
    return pipeline.run_saved(principal, saved_id, body, providers=providers, blobs=blobs)


@router.get("/saved-searches/{saved_id}/matches")
def list_matches(saved_id: UUID, principal: Searcher, cursor: Cursor = None, limit: Limit = 50) -> MatchPage:
    """What it found by itself in new videos, newest first."""
    return pipeline.list_matches(principal, saved_id, cursor=cursor, limit=limit)


@router.get("/saved-searches/{saved_id}/precision")
def precision(
    saved_id: UUID,
    principal: Searcher,
    k: Annotated[int, Query(ge=1, le=100, description="Of so many best moments.")] = 10,
    since: Since = None,
) -> PrecisionAnswer:
    """Precision at k of its runs over time, by what was said of their moments."""
    return judging.precision(principal, saved_id, k=k, since=since)
