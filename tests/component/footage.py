"""Indexed videos made of words: a frame's vector is what it shows, so a test can say what must be found."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

from sightline.database import transaction
from sightline.errors import EndpointUnavailableError
from sightline.ports.inference import Embedding
from sightline.ports.objects import SignedRequest
from sightline.vectors.store import ensure_space, replace_sheet_points
from tests.conftest import Workspace

DIM = 64
MODEL = "words-64"
TILES = 60
Vectors = NDArray[np.float32]


def unit(vectors: NDArray[np.floating[Any]]) -> Vectors:
    """Each row at length 1."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / length, np.float32)


def word_vector(text: str) -> Vectors:
    """The direction of a text: the same words give the same one, other words one across it."""
    rows = [
        np.random.default_rng(int.from_bytes(hashlib.sha256(word.encode()).digest()[:8])).standard_normal(DIM)
        for word in text.lower().split()
    ]
    return unit(np.sum(rows, axis=0))


def frames_showing(texts: Sequence[str], *, seed: int = 0) -> Vectors:
    """One vector per frame: what all footage has in common, what this frame shows, and noise."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal((len(texts), DIM)) / np.sqrt(DIM)
    nothing = np.zeros(DIM, np.float32)
    shown = np.stack([word_vector(text) if text else nothing for text in texts])
    return unit(0.8 * word_vector("road") + 0.8 * shown + 0.6 * noise)


@dataclass
class WordEmbedder:
    """An Embedder for texts; `asked` counts, `down` refuses."""

    asked: list[str] = field(default_factory=list)
    down: bool = False

    def embed_texts(self, texts: Sequence[str]) -> Embedding:
        if self.down:
            raise EndpointUnavailableError
        self.asked += texts
        vectors = np.stack([word_vector(text) for text in texts]).astype(np.float16)
        return Embedding(MODEL, "r1", DIM, vectors)

    def embed_images(self, images: Sequence[str]) -> Embedding:
        """A picture shows the words that its file holds."""
        return self.embed_texts([base64.b64decode(image).decode() for image in images])


class PaperBlobs:
    """Signs addresses that lead nowhere."""

    def presign_get(self, key: str, *, expires_s: int, download_name: str = "") -> SignedRequest:
        query = f"expires={expires_s}&name={download_name}"
        return SignedRequest(f"https://blobs.test/{key}?{query}", {}, "2026-01-01T00:00:00Z")


def index_video(
    workspace: Workspace,
    vectors: Vectors,
    *,
    name: str = "drive.mp4",
    tags: Sequence[str] = (),
    metadata: dict[str, Any] | None = None,
    interval_s: float = 1.0,
    model_id: str = MODEL,
) -> UUID:
    """A video that the pipeline has indexed and finished."""
    with transaction(workspace.id) as conn:
        row = conn.execute(
            "INSERT INTO asset (workspace_id, name, content_type, size_bytes, interval_s, tags, metadata,"
            " status, upload_deadline, duration_s, run, ready_run)"
            " VALUES (%s, %s, 'video/mp4', 1, %s, %s, %s, 'ready', now(), %s, 1, 1) RETURNING id",
            (workspace.id, name, interval_s, list(tags), Jsonb(metadata or {}), len(vectors) * interval_s),
        ).fetchone()
    assert row is not None
    index_run(workspace, row["id"], vectors, run=1, interval_s=interval_s, model_id=model_id)
    return UUID(str(row["id"]))


def index_run(
    workspace: Workspace,
    asset_id: UUID,
    vectors: Vectors,
    *,
    run: int,
    interval_s: float = 1.0,
    model_id: str = MODEL,
) -> None:
    """Sheets and points of one run."""
    with transaction(workspace.id) as conn:
        space = ensure_space(conn, model_id=model_id, dim=vectors.shape[1])
        for sheet_no, start in enumerate(range(0, len(vectors), TILES)):
            part = vectors[start : start + TILES]
            times_s = [(start + tile) * interval_s for tile in range(len(part))]
            conn.execute(
                "INSERT INTO media_sheet (workspace_id, asset_id, run, sheet_no, object_key, columns,"
                " tile_width, tile_height, tiles, times_s) VALUES (%s, %s, %s, %s, %s, 8, 448, 256, %s, %s)",
                (
                    workspace.id,
                    asset_id,
                    run,
                    sheet_no,
                    f"sheets/{workspace.id}/{asset_id}/{run}/{sheet_no:05d}.jpg",
                    len(part),
                    times_s,
                ),
            )
            replace_sheet_points(
                conn,
                space=space,
                workspace_id=workspace.id,
                asset_id=asset_id,
                run=run,
                sheet_no=sheet_no,
                times_s=times_s,
                vectors=part,
            )


class MessageList(list[dict[str, Any]]):
    """A queue that is a list."""

    def send(self, message: Mapping[str, Any]) -> None:
        self.append(dict(message))
