"""The plain way to index a video: read every frame in sequence, embed in tens, insert row by row."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from PIL import Image
from psycopg import sql

from gpu_endpoint.models.minilm import load_sentence_encoder
from gpu_endpoint.training.bundled import HEAD_FILE, IMAGE_FILE, WEIGHTS, SceneModel

BATCH = 10
SIDE = 128
TABLE = sql.Identifier("benchmark_plain")


def load_model(models: Path) -> SceneModel:
    """The same image tower as the endpoint's, in this process, on as many threads as there are cores."""
    encoder = load_sentence_encoder(models)
    return SceneModel(WEIGHTS / IMAGE_FILE, WEIGHTS / HEAD_FILE, encoder, threads=0)


def index(video: Path, *, model: SceneModel, database_url: str) -> tuple[int, float]:
    """Answers how many frames were indexed, and the seconds it took."""
    import cv2  # an extra of the benchmarks alone

    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(TABLE))
        conn.execute(
            sql.SQL("CREATE TABLE {} (time_s double precision, embedding halfvec(256))").format(TABLE)
        )
        began = time.perf_counter()
        capture = cv2.VideoCapture(str(video))
        every = round(capture.get(cv2.CAP_PROP_FPS))
        number, batch, frames = 0, [], 0
        while True:
            read, picture = capture.read()
            if not read:
                break
            if number % every == 0:
                batch.append((number / every, _small(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))))
            number += 1
            if len(batch) == BATCH:
                frames += _store(conn, model, batch)
                batch = []
        frames += _store(conn, model, batch) if batch else 0
        capture.release()
        return frames, time.perf_counter() - began


def _small(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """As the endpoint prepares a frame: the whole of it, squashed, antialiased."""
    return np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _store(conn: psycopg.Connection[Any], model: SceneModel, batch: list[tuple[float, Any]]) -> int:
    vectors = model.embed_pictures(np.stack([picture for _, picture in batch]))
    for (time_s, _), vector in zip(batch, vectors, strict=True):
        conn.execute(
            sql.SQL("INSERT INTO {} VALUES (%s, %s::halfvec)").format(TABLE), (time_s, str(vector.tolist()))
        )
    return len(batch)
