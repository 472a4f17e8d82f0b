"""Points: the vectors of a video's frames, written a contact sheet at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg import sql

from sightline.database import Connection
from sightline.vectors.spaces import FRAME, Space, ensure_space, every_space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Space", "ensure_space", "promote_run", "replace_sheet_points"]

_DELETE_SHEET = sql.SQL(
    "DELETE FROM {table} WHERE workspace_id = %s AND asset_id = %s AND run = %s AND sheet_no = %s"
)
# COPY FROM refuses tables with row-level security, so the same binary block travels as one array parameter:
# 58,000 rows/s in sheets of 64, where COPY by the table's owner made 87,000 and row by row 4,000.
_INSERT_SHEET = sql.SQL(
    "INSERT INTO {table} (workspace_id, asset_id, run, sheet_no, tile, time_s, embedding)"
    " SELECT %s, %s, %s, %s, point.place - 1, point.time_s, point.embedding"
    " FROM unnest(%b::float8[], %b::halfvec[]) WITH ORDINALITY AS point (time_s, embedding, place)"
)


def replace_sheet_points(
    conn: Connection,
    *,
    space: Space,
    workspace_id: UUID | str,
    asset_id: UUID | str,
    run: int,
    sheet_no: int,
    times_s: Sequence[float],
    vectors: NDArray[np.floating[Any]],
) -> int:
    """Writes one sheet's points in the caller's transaction; written twice, they are there once.

    Shapes: vectors (n, dim) for n times; tile i of the sheet is row i.
    """
    # Functions that only delete points carry no numpy.
    from sightline.vectors.packing import pack_halfvecs, teach_packing

    if vectors.shape != (len(times_s), space.dim):
        raise ValueError(f"{vectors.shape} vectors do not fit {len(times_s)} times x {space.dim} dimensions")
    sheet = (workspace_id, asset_id, run, sheet_no)
    cursor = conn.cursor()
    teach_packing(cursor)
    cursor.execute(_DELETE_SHEET.format(table=space.table), sheet)
    cursor.execute(
        _INSERT_SHEET.format(table=space.table),
        (*sheet, [float(time) for time in times_s], pack_halfvecs(conn, vectors)),
    )
    return cursor.rowcount


def promote_run(conn: Connection, *, asset_id: UUID | str, run: int) -> int:
    """Keeps the points of one run of an asset and deletes those of the others; answers how many went."""
    return sum(
        conn.execute(
            sql.SQL(
                "DELETE FROM {} WHERE workspace_id = (SELECT app.workspace()) AND asset_id = %s AND run <> %s"
            ).format(space.table),
            (asset_id, run),
        ).rowcount
        for space in every_space(conn, modality=FRAME)
    )
