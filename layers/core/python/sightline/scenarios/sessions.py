"""Relevance feedback: more like this, less like this, in a session that can be gone on with.

Source: Rocchio 1971, "Relevance feedback in information retrieval"; the weights are in scenarios/legs.py.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from sightline.database import Connection, Row, transaction
from sightline.ports.objects import Blobs
from sightline.principal import Principal
from sightline.scenarios.answers import SearchAnswer
from sightline.scenarios.filters import Shape
from sightline.scenarios.pipeline import Providers, search
from sightline.scenarios.recording import recorded_search
from sightline.scenarios.schemas import MAX_MOMENTS, AssetFrame

MAX_JUDGED = 200


class RefineRequest(Shape):
    """What was right and what was wrong among the hits; with a cursor, the next page of a refined search."""

    more: list[AssetFrame] = Field(default_factory=list, max_length=MAX_JUDGED)
    less: list[AssetFrame] = Field(default_factory=list, max_length=MAX_JUDGED)
    limit: int = Field(default=10, ge=1, le=MAX_MOMENTS)
    cursor: str | None = Field(default=None, max_length=2048)


class Round(Shape):
    """One search of a session."""

    search_id: UUID
    more: int = Field(description="Frames judged right by then.")
    less: int = Field(description="Frames judged wrong by then.")
    moments: int
    found: bool | None
    best: float | None
    created_at: datetime


class SessionAnswer(Shape):
    """A session as it stands: its question with every judgement, and its rounds, oldest first."""

    session_id: UUID
    request: dict[str, Any]
    rounds: list[Round]


def refine(
    principal: Principal, search_id: UUID, judged: RefineRequest, *, providers: Providers, blobs: Blobs
) -> SearchAnswer:
    """Searches again with what was judged, now and before. Raises: NotFoundError, and as search()."""
    recorded = recorded_search(principal.workspace_id, search_id)
    request = recorded.request.model_copy(
        update={
            "more": judgements(recorded.request.more, judged.more, instead_of=judged.less),
            "less": judgements(recorded.request.less, judged.less, instead_of=judged.more),
            "limit": judged.limit,
            "cursor": judged.cursor,
        }
    )
    return search(principal, request, providers=providers, blobs=blobs, refined=recorded)


def judgements(
    had: Sequence[AssetFrame], new: Sequence[AssetFrame], *, instead_of: Sequence[AssetFrame]
) -> list[AssetFrame]:
    """The newest word on a frame counts; the oldest are dropped where there are too many."""
    changed = {place_of(frame) for frame in instead_of}
    kept = {place_of(frame): frame for frame in (*had, *new) if place_of(frame) not in changed}
    return list(kept.values())[-MAX_JUDGED:]


def place_of(frame: AssetFrame) -> tuple[UUID, float]:
    """What a judgement is about."""
    return frame.asset_id, round(frame.time_s, 3)


def read_session(principal: Principal, search_id: UUID) -> SessionAnswer:
    """The session that a search belongs to. Raises: NotFoundError."""
    recorded = recorded_search(principal.workspace_id, search_id)
    with transaction(principal.workspace_id) as conn:
        rows = _rounds(conn, recorded.session_id)
    return SessionAnswer(
        session_id=recorded.session_id,
        request=rows[-1]["request"],
        rounds=[
            Round(
                search_id=row["id"],
                more=len(row["request"].get("more", [])),
                less=len(row["request"].get("less", [])),
                **{name: row[name] for name in ("moments", "found", "best", "created_at")},
            )
            for row in rows
        ],
    )


def _rounds(conn: Connection, session_id: UUID) -> list[Row]:
    """The newest hundred, oldest first."""
    rows = conn.execute(
        "SELECT id, request, moments, found, best, created_at FROM search"
        " WHERE session_id = %s AND request IS NOT NULL ORDER BY id DESC LIMIT 100",
        (session_id,),
    ).fetchall()
    return rows[::-1]
