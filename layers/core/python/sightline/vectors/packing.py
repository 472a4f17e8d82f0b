"""Vectors on the wire: many halfvecs as one binary parameter, packed by numpy in one block."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format

from sightline.database import Connection

ARRAY_HEADER = np.dtype([("ndim", ">i4"), ("flags", ">i4"), ("oid", ">u4"), ("n", ">i4"), ("lower", ">i4")])


class PackedHalfvecs:
    """The binary form of a halfvec[]; bind it with %b::halfvec[]."""

    def __init__(self, data: bytes) -> None:
        self.data = data


class _PackedHalfvecsDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: PackedHalfvecs) -> bytes:
        return obj.data


def pack_halfvecs(conn: Connection, vectors: NDArray[np.floating[Any]]) -> PackedHalfvecs:
    """Shapes: vectors (n, dim). Source: Postgres array_recv and pgvector halfvec_recv, both big-endian."""
    n, dim = vectors.shape
    header = np.array([(1, 0, halfvec_oid(conn), n, 1)], ARRAY_HEADER)
    element = np.dtype([("length", ">i4"), ("dim", ">u2"), ("unused", ">u2"), ("values", ">f2", (dim,))])
    block = np.zeros(n, element)
    block["length"] = element.itemsize - 4
    block["dim"] = dim
    block["values"] = vectors
    return PackedHalfvecs(header.tobytes() + block.tobytes())


def unpack_halfvecs(packed: bytes, *, dim: int) -> NDArray[np.float32]:
    """What string_agg(halfvec_send(...), '') makes of many. Shapes: (n, dim)."""
    element = np.dtype([("dim", ">u2"), ("unused", ">u2"), ("values", ">f2", (dim,))])
    return np.asarray(np.frombuffer(packed, element)["values"].astype(np.float32))


def halfvec_oid(conn: Connection) -> int:
    """The type's number in this database, which database.py looked up when it connected."""
    info = conn.adapters.types.get("halfvec")
    if info is None:
        raise LookupError("This database has no type halfvec: run the migrations.")
    return info.oid


def teach_packing(adapted: Any) -> None:
    """Lets a cursor send PackedHalfvecs."""
    adapted.adapters.register_dumper(PackedHalfvecs, _PackedHalfvecsDumper)
