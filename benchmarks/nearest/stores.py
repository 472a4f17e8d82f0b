"""Other vector stores in this process: all with the same graph parameters, walked as far as ours."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

M, EF_CONSTRUCTION, EF = 16, 200, 1000
LISTS = 16  # lancedb's inverted lists, all of which it looks into
K = 10
GROUP = 3  # a cell searches the videos whose number is 3 modulo its share
BATCH = 5000

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Frames:
    """What is kept: vectors, the number of each one's video, and the shares of videos that cells search."""

    home: Path
    vectors: Vectors
    videos: NDArray[np.int64]
    shares: Sequence[int]

    def batches(self) -> Iterator[slice]:
        """Row numbers in parts."""
        for start in range(0, len(self.vectors), BATCH):
            yield slice(start, min(len(self.vectors), start + BATCH))

    def rows(self, part: slice) -> Iterator[tuple[int, dict[str, int]]]:
        """Row numbers, each with what it can be filtered by."""
        for row in range(part.start, part.stop):
            yield row, {f"of{share}": int(self.videos[row]) % share for share in self.shares}


class Store(Protocol):
    """One way to keep vectors and find the nearest."""

    def build(self) -> None:
        """Takes the vectors in and indexes them."""
        ...

    def open(self) -> None:
        """Ready to be asked."""
        ...

    def ask(self, question: Vectors, of: int) -> list[int]:
        """The nearest among one of so many groups of videos; of 1: among all."""
        ...


class Hnswlib:
    """The floor: a graph in memory, and a filter that is a Python function."""

    def __init__(self, frames: Frames) -> None:
        import hnswlib

        self._frames = frames
        self._path = str(frames.home / "index.bin")
        self._index = hnswlib.Index(space="ip", dim=frames.vectors.shape[1])

    def build(self) -> None:
        self._index.init_index(len(self._frames.vectors), M=M, ef_construction=EF_CONSTRUCTION)
        for part in self._frames.batches():
            self._index.add_items(self._frames.vectors[part], np.arange(part.start, part.stop))
        self._index.save_index(self._path)

    def open(self) -> None:
        self._index.load_index(self._path)
        self._index.set_ef(EF)

    def ask(self, question: Vectors, of: int) -> list[int]:
        videos = self._frames.videos
        wanted = None if of == 1 else lambda row: videos[row] % of == GROUP
        try:
            rows, _ = self._index.knn_query(question, k=K, filter=wanted, num_threads=1)
        except RuntimeError:  # fewer than ten were met on the way
            return []
        return [int(row) for row in rows[0]]


class Chroma:
    """chromadb, persistent."""

    def __init__(self, frames: Frames) -> None:
        import chromadb

        self._frames = frames
        self._client = chromadb.PersistentClient(path=str(frames.home))
        self._kept: Any = None

    def build(self) -> None:
        graph = {"space": "ip", "max_neighbors": M, "ef_construction": EF_CONSTRUCTION, "ef_search": EF}
        kept = self._client.create_collection("frames", configuration={"hnsw": graph})
        for part in self._frames.batches():
            rows, tags = zip(*self._frames.rows(part), strict=True)
            vectors = self._frames.vectors[part].astype(np.float32)
            kept.add(ids=[str(row) for row in rows], embeddings=vectors, metadatas=list(tags))

    def open(self) -> None:
        self._kept = self._client.get_collection("frames")

    def ask(self, question: Vectors, of: int) -> list[int]:
        where = None if of == 1 else {f"of{of}": GROUP}
        found = self._kept.query(query_embeddings=question[None], n_results=K, where=where, include=[])
        return [int(row) for row in found["ids"][0]]


class Lance:
    """lancedb: inverted lists with a graph each, scalar-quantised, the best compared again in full."""

    def __init__(self, frames: Frames) -> None:
        import lancedb

        self._frames = frames
        self._database = lancedb.connect(str(frames.home))
        self._kept: Any = None

    def build(self) -> None:
        parts = list(self._frames.batches())
        kept = self._database.create_table("frames", self._record(parts[0]))
        for part in parts[1:]:
            kept.add(self._record(part))
        kept.optimize()
        kept.create_index(
            metric="dot",
            index_type="IVF_HNSW_SQ",
            m=M,
            ef_construction=EF_CONSTRUCTION,
            num_partitions=LISTS,
        )
        for share in self._frames.shares:
            kept.create_scalar_index(f"of{share}", index_type="BITMAP")

    def _record(self, part: slice) -> Any:
        import pyarrow as pa

        vectors = np.asarray(self._frames.vectors[part], np.float32)
        columns = {f"of{share}": pa.array(self._frames.videos[part] % share) for share in self._frames.shares}
        flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
        return pa.table({"id": pa.array(np.arange(part.start, part.stop)), "vector": flat, **columns})

    def open(self) -> None:
        self._kept = self._database.open_table("frames")

    def ask(self, question: Vectors, of: int) -> list[int]:
        query = self._kept.search(question).distance_type("dot").ef(EF).nprobes(LISTS).refine_factor(5)
        if of > 1:
            query = query.where(f"of{of} = {GROUP}", prefilter=True)
        return [int(row) for row in query.limit(K).select(["id"]).to_arrow()["id"].to_pylist()]


class Qdrant:
    """qdrant-edge-py: Qdrant's segments in this process."""

    def __init__(self, frames: Frames) -> None:
        import qdrant_edge as edge

        self._edge, self._frames = edge, frames
        self._shard: Any = None

    def build(self) -> None:
        edge, frames = self._edge, self._frames
        graph = edge.HnswIndexConfig(M, EF_CONSTRUCTION, 10_000)
        vectors = edge.EdgeVectorParams(frames.vectors.shape[1], edge.Distance.Dot)
        shard = edge.EdgeShard.create(str(frames.home), edge.EdgeConfig(vectors=vectors, hnsw_config=graph))
        for share in frames.shares:
            index = edge.UpdateOperation.create_field_index(f"of{share}", edge.PayloadSchemaType.Integer)
            shard.update(index)
        for part in frames.batches():
            points = [
                edge.Point(row, frames.vectors[row].astype(np.float32).tolist(), tags)
                for row, tags in frames.rows(part)
            ]
            shard.update(edge.UpdateOperation.upsert_points(points))
        shard.optimize()
        shard.flush()
        shard.close()

    def open(self) -> None:
        self._shard = self._edge.EdgeShard.load(str(self._frames.home))

    def ask(self, question: Vectors, of: int) -> list[int]:
        edge = self._edge
        only = edge.FieldCondition(f"of{of}", match=edge.MatchValue(GROUP))
        request = edge.QueryRequest(
            K,
            query=edge.Query.Nearest(question.tolist()),
            filter=None if of == 1 else edge.Filter(must=[only]),
            params=edge.SearchParams(hnsw_ef=EF),
        )
        return [int(point.id) for point in self._shard.query(request)]


STORES: dict[str, Callable[[Frames], Store]] = {
    "hnswlib": Hnswlib,
    "qdrant": Qdrant,
    "lancedb": Lance,
    "chromadb": Chroma,
}
