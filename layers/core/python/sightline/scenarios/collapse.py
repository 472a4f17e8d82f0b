"""One moment for several: those that look alike, and those that other cameras saw at the same time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from sightline.database import Connection
from sightline.scenarios.schemas import FrameHit, Moment
from sightline.vectors.spaces import Space

# Nearly the same picture, to the bundled model. Above it are, of frames 1 to 3 s apart, a quarter of a
# rendered drive's, 1 to 2 % of three city clips' and 73 % of an empty country road's; of those 10 s and more
# apart 0.2 %, none, and all of that road's.
ALIKE = 0.97

Peak = tuple[UUID, float]
Vectors = Mapping[Peak, NDArray[np.float32]]


def collapsed(moments: Sequence[Moment], *, by: Sequence[str], vectors: Vectors) -> list[Moment]:
    """The best of each group, with the peaks of the others. Moments come and go best first."""
    groups: list[list[Moment]] = []
    for moment in moments:
        for group in groups:
            if any(_same(member, moment, by, vectors) for member in group):
                group.append(moment)
                break
        else:
            groups.append([moment])
    return [replace(best, others=tuple(one.peak for one in others)) for best, *others in groups]


def _same(better: Moment, moment: Moment, by: Sequence[str], vectors: Vectors) -> bool:
    if "simultaneous" in by and _simultaneous(better, moment):
        return True
    if "alike" not in by:
        return False
    one, other = vectors.get(peak_of(better.peak)), vectors.get(peak_of(moment.peak))
    return one is not None and other is not None and float(one @ other) >= ALIKE


def _simultaneous(one: Moment, other: Moment) -> bool:
    """Two videos, one time."""
    first, second = one.peak.captured_at, other.peak.captured_at
    if first is None or second is None or one.peak.asset_id == other.peak.asset_id:
        return False
    return first + one.start_s < second + other.end_s and second + other.start_s < first + one.end_s


def peak_of(hit: FrameHit) -> Peak:
    """What names a frame."""
    return hit.asset_id, hit.time_s


def frame_vectors(conn: Connection, *, space: Space, hits: Sequence[FrameHit]) -> Vectors:
    """The vectors of found frames. Shapes: (dim,) each."""
    rows = conn.execute(
        sql.SQL(
            "SELECT wanted.asset_id, wanted.time_s, point.embedding"
            " FROM unnest(%b::uuid[], %b::float8[], %b::text[], %b::int4[])"
            "   AS wanted (asset_id, time_s, object_key, tile)"
            " JOIN media_sheet AS sheet ON sheet.workspace_id = app.workspace()"
            "  AND sheet.asset_id = wanted.asset_id AND sheet.object_key = wanted.object_key"
            " JOIN {table} AS point ON point.workspace_id = app.workspace()"
            "  AND point.asset_id = sheet.asset_id AND point.run = sheet.run"
            "  AND point.sheet_no = sheet.sheet_no AND point.tile = wanted.tile"
        ).format(table=space.table),
        (
            [hit.asset_id for hit in hits],
            [hit.time_s for hit in hits],
            [hit.object_key for hit in hits],
            [hit.tile for hit in hits],
        ),
        binary=True,
    ).fetchall()
    return {(row["asset_id"], row["time_s"]): row["embedding"].to_numpy().astype(np.float32) for row in rows}
