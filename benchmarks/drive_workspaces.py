"""Rendered drives as workspaces of a Postgres of our own, embedded here or by a running endpoint."""

import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import crowd
from benchmarks.plain import SIDE as SMALL
from benchmarks.plain import load_model
from benchmarks.report import BUILD
from benchmarks.timelines import SIDE, Timeline
from gpu_endpoint.training.bundled import MODEL_ID, SceneModel
from local_cloud.database import prepare_database
from local_cloud.postgres import EmbeddedPostgres
from sightline.contracts.inference import SheetLayout
from sightline.database import transaction
from sightline.migrations import migrate
from sightline.ports.inference import Embedder, Embedding
from sightline.ports.objects import SignedRequest
from sightline.principal import Principal
from sightline.providers.sagemaker import SageMakerEmbedder
from sightline.scenarios.pipeline import Providers, search
from sightline.scenarios.schemas import SearchAnswer, SearchRequest
from sightline.vectors.store import ensure_space, replace_sheet_points

TILES, COLUMNS = 64, 8


class LocalModel:
    """The bundled model in this process, as an Embedder."""

    def __init__(self, model: SceneModel) -> None:
        self._model = model

    def embed_texts(self, texts: Sequence[str]) -> Embedding:
        return self._as_embedding(self._model.embed_texts(list(texts)))

    def embed_pictures(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        small = [Image.fromarray(one).resize((SMALL, SMALL), Image.Resampling.BICUBIC) for one in pictures]
        return np.asarray(
            self._model.embed_pictures(np.stack([np.asarray(one) for one in small])), np.float32
        )

    def embed_images(self, images: Sequence[str]) -> Embedding:
        raise NotImplementedError("no prompt here is a picture")

    def embed_sheet(self, jpeg: bytes, layout: SheetLayout) -> Embedding:
        raise NotImplementedError("pictures are embedded as they are")

    def _as_embedding(self, vectors: NDArray[np.floating[Any]]) -> Embedding:
        return Embedding(MODEL_ID, "bundled", vectors.shape[1], vectors)


class _NoBlobs:
    """Nobody looks at the sheets."""

    def presign_get(self, key: str, *, expires_s: int, download_name: str = "") -> SignedRequest:
        return SignedRequest(f"{key}?{expires_s}{download_name}", {}, "")


def embedded(drive: Timeline, embedder: Any) -> NDArray[np.float32]:
    """Shapes: (frames, dim)."""
    if isinstance(embedder, LocalModel):
        return embedder.embed_pictures(drive.pictures)
    parts = []
    for start in range(0, len(drive.pictures), TILES):
        tiles = drive.pictures[start : start + TILES]
        rows = -(-len(tiles) // COLUMNS)
        sheet = np.zeros((rows * SIDE, COLUMNS * SIDE, 3), np.uint8)
        for place, tile in enumerate(tiles):
            row, column = divmod(place, COLUMNS)
            sheet[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE] = tile
        file = io.BytesIO()
        Image.fromarray(sheet).save(file, "JPEG", quality=92)
        layout = SheetLayout(columns=COLUMNS, tile_width=SIDE, tile_height=SIDE, tiles=len(tiles))
        parts.append(np.asarray(embedder.embed_sheet(file.getvalue(), layout).vectors, np.float32))
    return np.concatenate(parts)


def new_workspace() -> Principal:
    """As the first sign-in makes it."""
    user_id = uuid4()
    with transaction(user_id=user_id) as conn:
        conn.execute(
            "SELECT app.provision_user(%s, %s, %s)", (user_id, f"{user_id.hex}@example.org", "Bench")
        )
        row = conn.execute("SELECT id FROM app.memberships(%s)", (user_id,)).fetchone()
    assert row is not None
    return Principal(str(user_id), "user", str(row["id"]), "admin")


def index(principal: Principal, drive: Timeline, vectors: NDArray[np.float32], model_id: str) -> None:
    """One indexed video of a frame a second."""
    with transaction(principal.workspace_id) as conn:
        space = ensure_space(conn, model_id=model_id, dim=vectors.shape[1])
        row = conn.execute(
            "INSERT INTO asset (workspace_id, name, content_type, size_bytes, interval_s, status,"
            " upload_deadline, duration_s, run, ready_run)"
            " VALUES (%s, %s, 'video/mp4', 1, 1, 'ready', now(), %s, 1, 1) RETURNING id",
            (principal.workspace_id, drive.name, len(vectors)),
        ).fetchone()
        assert row is not None
        for sheet_no, start in enumerate(range(0, len(vectors), TILES)):
            part, times_s = vectors[start : start + TILES], list(drive.times_s[start : start + TILES])
            conn.execute(
                "INSERT INTO media_sheet (workspace_id, asset_id, run, sheet_no, object_key, columns,"
                " tile_width, tile_height, tiles, times_s) VALUES (%s, %s, 1, %s, %s, 8, 448, 256, %s, %s)",
                (principal.workspace_id, row["id"], sheet_no, f"{sheet_no}", len(part), times_s),
            )
            replace_sheet_points(
                conn, space=space, workspace_id=principal.workspace_id, asset_id=row["id"], run=1,
                sheet_no=sheet_no, times_s=times_s, vectors=part,
            )  # fmt: skip


def asked(principal: Principal, request: SearchRequest, embedder: Embedder) -> SearchAnswer:
    """What POST /v1/search answers."""
    return search(principal, request, providers=Providers(embedder), blobs=_NoBlobs())  # type: ignore[arg-type]


@contextmanager
def database() -> Iterator[None]:
    """A Postgres of our own, migrated."""
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres(Path(folder) / "pg", durable=False) as server,
    ):
        crowd.use(prepare_database(server.url, secrets_path=Path(folder) / "roles.json"))
        migrate()
        yield


def embedder_of(endpoint: str | None, model: str) -> Any:
    """In this process, or the endpoint's."""
    if endpoint is None:
        return LocalModel(load_model(BUILD / "models"))
    os.environ |= {
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": endpoint,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    return SageMakerEmbedder(endpoint_name="benchmark", model=model)
