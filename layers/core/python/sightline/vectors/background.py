"""The background sample: frames of the workspace that every question's scores are held against."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from sightline.database import Connection
from sightline.vectors.packing import unpack_halfvecs
from sightline.vectors.spaces import Space

Vectors = NDArray[np.floating[Any]]

# Enough for the lower half of a null distribution.
BACKGROUND_SAMPLE = 500


def background_sample(conn: Connection, *, space: Space) -> Vectors:
    """A uniform sample of the workspace's frames: the first by hash, so always the same ones.

    Shapes: (at most BACKGROUND_SAMPLE, dim), float32.
    """
    row = conn.execute(
        sql.SQL(
            "SELECT string_agg(halfvec_send(embedding), '') AS packed FROM ("
            " SELECT embedding FROM {table} WHERE workspace_id = app.workspace()"
            " ORDER BY uuid_hash_extended(asset_id, (sheet_no::bigint << 16) + tile) LIMIT %b) AS sampled"
        ).format(table=space.table),
        (BACKGROUND_SAMPLE,),
        binary=True,
    ).fetchone()
    return unpack_halfvecs((row and row["packed"]) or b"", dim=space.dim)


@dataclass(slots=True)
class Ground:
    """Where frames are looked for. Shapes: background (n, dim), a sample of the workspace's frames."""

    space: Space
    background: Vectors
    _captioned: Vectors | None = None

    def captioned(self, bank: Vectors) -> Vectors:
        """How captions score the sample; computed once. Shapes: bank (captions, dim); (n, captions)."""
        if self._captioned is None:
            self._captioned = self.background @ bank.T
        return self._captioned
