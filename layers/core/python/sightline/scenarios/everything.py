"""All moments of a search, however many: video by video, holding one video's frames at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

import numpy as np
from psycopg import sql
from psycopg.rows import class_row

from sightline.database import Connection, transaction
from sightline.scenarios import rules, store
from sightline.scenarios.composed import Composed
from sightline.scenarios.finding import Finder, Judged
from sightline.scenarios.grounds import ground_for
from sightline.scenarios.pipeline import Recorded
from sightline.scenarios.schemas import FrameHit, SearchRequest
from sightline.scenarios.worth import Worth
from sightline.vectors.calibration import MIN_SAMPLE, Background, Curve
from sightline.vectors.captions import kept_bank
from sightline.vectors.search import Target, vector_type
from sightline.vectors.spaces import Space

# Videos looked through in one transaction.
VIDEOS_A_STEP = 20


def every_moment(
    workspace_id: UUID | str,
    recorded: Recorded,
    *,
    min_relevance: float = 0.5,
    after_asset: UUID | None = None,
    most: int | None = None,
) -> Iterator[Judged]:
    """In order of video id, so that a walk which was interrupted goes on after its last whole video.

    A sequence's moments are the best 1,000 chains. Raises: DatabaseUnavailableError.
    """
    if not recorded.composed.steps:
        return
    walk = _chains if len(recorded.composed.steps) > 1 else _videos
    found = walk(workspace_id, recorded, min_relevance, after_asset)
    yield from found if most is None else islice(found, most)


def _chains(
    workspace_id: UUID | str, recorded: Recorded, min_relevance: float, after_asset: UUID | None
) -> Iterator[Judged]:
    with transaction(workspace_id) as conn:
        ground = ground_for(conn, recorded.composed.model)
        matching = store.count_matching(conn, recorded.request.filters) if ground else 0
        if ground is None or not matching:
            return
        space = ground.space
        bank = kept_bank(conn, model_id=space.model_id, dim=space.dim)
        finder = Finder(conn, ground, recorded.request, recorded.composed, matching, bank)
        judged = finder.every_chain()
    for one in sorted(judged, key=lambda one: (one.moment.peak.asset_id, one.moment.start_s)):
        wanted = after_asset is None or one.moment.peak.asset_id > after_asset
        if wanted and one.relevance >= min_relevance:
            yield one


def _videos(
    workspace_id: UUID | str, recorded: Recorded, min_relevance: float, after_asset: UUID | None
) -> Iterator[Judged]:
    with transaction(workspace_id) as conn:
        walk = _Walk.begin(conn, recorded.request, recorded.composed, min_relevance)
    while walk is not None:
        with transaction(workspace_id) as conn:
            ids = walk.next_videos(conn, after_asset)
            found = [(asset_id, walk.moments_of(conn, asset_id)) for asset_id in ids]
        if not ids:
            return
        for asset_id, judged in found:
            yield from judged
            after_asset = asset_id


@dataclass(frozen=True, slots=True)
class _Walk:
    """What holds for the whole walk: from which score on a frame is relevant enough, and how relevant."""

    request: SearchRequest
    composed: Composed
    space: Space
    typical: float
    curve: Curve
    floor: float
    min_relevance: float

    @classmethod
    def begin(
        cls, conn: Connection, request: SearchRequest, composed: Composed, min_relevance: float
    ) -> "_Walk | None":
        """None where nothing can be relevant enough."""
        ground = ground_for(conn, composed.model)
        if ground is None:
            return None
        space = ground.space
        bank = kept_bank(conn, model_id=space.model_id, dim=space.dim)
        worth = Worth.of(request, composed.steps[0], ground=ground, bank=bank)
        if worth.null.size < MIN_SAMPLE and min_relevance > 0:
            return None
        curve = worth.curve(_histogram(conn, composed, space, request, worth.null))
        floor = curve.floor(min_relevance)
        if floor is None:
            return None
        return cls(request, composed, space, worth.typical, curve, floor, min_relevance)

    def next_videos(self, conn: Connection, after: UUID | None) -> list[UUID]:
        target = self._target()
        rows = conn.execute(
            sql.SQL(
                "SELECT asset_id FROM ({}) AS eligible WHERE %(after)s::uuid IS NULL OR asset_id > %(after)s"
                " ORDER BY asset_id LIMIT %(videos)s"
            ).format(target.eligible),
            {**target.values, "after": after, "videos": VIDEOS_A_STEP},
        ).fetchall()
        return [row["asset_id"] for row in rows]

    def moments_of(self, conn: Connection, asset_id: UUID) -> list[Judged]:
        """The relevant moments of one video, in order of time."""
        hits = _frames(conn, self._target(), self.space, asset_id, self._lowest())
        moments = rules.group_moments(hits, typical_score=self.typical, rules=self.request.moments)
        (step,) = self.composed.steps
        judged = [
            Judged(moment, self.curve.relevance(moment.peak.score), step.confidence(moment.peak.score))
            for moment in moments
        ]
        kept = [one for one in judged if one.relevance >= self.min_relevance]
        return sorted(kept, key=lambda one: one.moment.start_s)

    def _lowest(self) -> float:
        """A moment's edges score less than its peak."""
        share = self.request.moments.extent
        return min(self.floor, self.typical + share * (self.floor - self.typical))

    def _target(self) -> Target:
        (step,) = self.composed.steps
        return store.target_of(
            step, space=self.space, typical_score=self.typical, filters=self.request.filters
        )


def _frames(
    conn: Connection, target: Target, space: Space, asset_id: UUID, lowest: float
) -> Sequence[FrameHit]:
    cursor = conn.cursor(row_factory=class_row(FrameHit))
    return cursor.execute(
        sql.SQL(
            "WITH found AS (SELECT point.asset_id, point.run, point.sheet_no, point.tile, point.time_s,"
            "   point.embedding <#> %(query)b::{vector} AS distance"
            "  FROM ({eligible}) AS eligible JOIN {table} AS point USING (asset_id, run)"
            "  WHERE eligible.asset_id = %(asset_id)s AND point.workspace_id = app.workspace()"
            "   AND point.asset_id = %(asset_id)s AND {where}"
            "   AND -(point.embedding <#> %(query)b::{vector}) >= %(lowest)s)"
            " SELECT {hit}, true AS ranked FROM found {joins} ORDER BY found.time_s"
        ).format(
            vector=vector_type(space),
            eligible=target.eligible,
            table=space.table,
            where=target.where,
            hit=store.HIT.format(found=sql.SQL("found")),
            joins=store.WHERE_SHOWN.format(found=sql.SQL("found")),
        ),
        {**target.values, "query": target.query, "asset_id": asset_id, "lowest": lowest},
    ).fetchall()


def _histogram(
    conn: Connection, composed: Composed, space: Space, request: SearchRequest, null: Background
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """How many frames score in each thousandth above typical. Shapes: (buckets, 2) of lower edge, frames."""
    (step,) = composed.steps
    target = store.target_of(step, space=space, typical_score=null.centre, filters=request.filters)
    width = null.spread / 50
    rows = conn.execute(
        sql.SQL(
            "SELECT floor((-(point.embedding <#> %(query)b::{vector}) - %(centre)s) / %(width)s) AS bucket,"
            " count(*) AS frames FROM ({eligible}) AS eligible JOIN {table} AS point USING (asset_id, run)"
            " WHERE {where} GROUP BY bucket ORDER BY bucket DESC"
        ).format(vector=vector_type(space), eligible=target.eligible, table=space.table, where=target.where),
        {**target.values, "query": target.query, "centre": null.centre, "width": width},
    ).fetchall()
    edges = [(null.centre + float(row["bucket"]) * width, float(row["frames"])) for row in rows]
    return np.array(edges, np.float64).reshape(-1, 2)
