"""A workspace of many frames, written straight into Postgres: clustered as footage is, not uniform noise."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

from benchmarks.plain import load_model
from gpu_endpoint.training.bundled import MODEL_ID
from gpu_endpoint.training.dataset import cached_set
from local_cloud.database import DatabaseUrls
from sightline.database import Connection, close_idle, owner_connection, transaction
from sightline.settings import get_settings
from sightline.vectors.store import ensure_space, replace_sheet_points

FRAMES_A_VIDEO = 3600
TILES = 64
SCENE_FRAMES = 10  # one scene lasts so many seconds
SCENES = 1000
SHARES = {"tenth": 10, "hundredth": 100, "thousandth": 1000}
SCENE_DIMENSIONS, SCENE_SPREAD, NOISE = 8, 0.45, 0.25

Vectors = NDArray[np.float32]


def use(database: DatabaseUrls) -> None:
    """Points this process at a database."""
    os.environ["SIGHTLINE_DATABASE_URL"] = database.app
    os.environ["SIGHTLINE_OWNER_DATABASE_URL"] = database.owner
    get_settings.cache_clear()
    close_idle()


def forget_answers() -> None:
    """Everything is asked anew, whatever an earlier run asked."""
    with owner_connection() as conn:
        conn.execute("TRUNCATE kept_answer, question_vector")


def scene_vectors(models: Path, cache: Path) -> Vectors:
    """What the bundled model sees in rendered scenes. Shapes: (SCENES, dim)."""
    pictures = cached_set(cache, seed=4242, count=SCENES).pictures
    return load_model(models).embed_pictures(pictures).astype(np.float32)


def footage(scenes: Vectors, *, frames: int, seed: int) -> Vectors:
    """Ten seconds at a time near one scene, moving in a few directions of its own, with noise."""
    rng = np.random.default_rng(seed)
    dim = scenes.shape[1]
    chosen = rng.integers(0, len(scenes), -(-frames // SCENE_FRAMES))
    parts = []
    for scene in chosen:
        directions = rng.standard_normal((SCENE_DIMENSIONS, dim)) / np.sqrt(dim)
        places = (
            rng.standard_normal((SCENE_FRAMES, SCENE_DIMENSIONS)) * SCENE_SPREAD / np.sqrt(SCENE_DIMENSIONS)
        )
        noise = rng.standard_normal((SCENE_FRAMES, dim)) * NOISE / np.sqrt(dim)
        parts.append(scenes[scene] + places @ directions + noise)
    vectors = np.concatenate(parts)[:frames]
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def fill(workspace_id: str, *, frames: int, scenes: Vectors, video_frames: int = FRAMES_A_VIDEO) -> int:
    """Adds videos, of an hour each, until the workspace holds so many frames; answers how many it had."""
    with transaction(workspace_id) as conn:
        row = conn.execute("SELECT coalesce(sum(tiles), 0)::int AS n FROM media_sheet").fetchone()
    there = int(row["n"]) if row else 0
    for number in range(there // video_frames, -(-frames // video_frames)):
        count = min(video_frames, frames - number * video_frames)
        with transaction(workspace_id) as conn:
            _add_video(conn, workspace_id, number, footage(scenes, frames=count, seed=number))
    return there


def _add_video(conn: Connection, workspace_id: str, number: int, vectors: Vectors) -> None:
    """One indexed video, with tags that a tenth, a hundredth and a thousandth of all videos carry."""
    space = ensure_space(conn, model_id=MODEL_ID, dim=vectors.shape[1])
    row = conn.execute(
        "INSERT INTO asset (workspace_id, name, content_type, size_bytes, interval_s, tags, metadata, status,"
        " upload_deadline, duration_s, frames_total, run, ready_run)"
        " VALUES (%s, %s, 'video/mp4', 1, 1, %s, %s, 'ready', now(), %s, %s, 1, 1) RETURNING id",
        (workspace_id, f"hour {number}", tags_of(number), Jsonb({"hour": number}), *[len(vectors)] * 2),
    ).fetchone()
    assert row is not None
    for sheet_no, start in enumerate(range(0, len(vectors), TILES)):
        part = vectors[start : start + TILES]
        times_s = [float(start + tile) for tile in range(len(part))]
        key = f"sheets/{workspace_id}/{row['id']}/1/{sheet_no:05d}.jpg"
        conn.execute(
            "INSERT INTO media_sheet (workspace_id, asset_id, run, sheet_no, object_key, columns, tile_width,"
            " tile_height, tiles, times_s) VALUES (%s, %s, 1, %s, %s, 8, 448, 256, %s, %s)",
            (workspace_id, row["id"], sheet_no, key, len(part), times_s),
        )
        replace_sheet_points(
            conn,
            space=space,
            workspace_id=workspace_id,
            asset_id=row["id"],
            run=1,
            sheet_no=sheet_no,
            times_s=times_s,
            vectors=part,
        )


def tags_of(number: int) -> list[str]:
    """Each is carried by one of so many videos."""
    return [f"{share}-{number % of}" for share, of in SHARES.items()]


def questions(count: int) -> Iterator[str]:
    """Different ones, so that none is answered from a cache."""
    rng = random.Random(5)
    asked: set[str] = set()
    while len(asked) < count:
        thing = rng.choice(
            [
                "a truck",
                "a bus",
                "a cyclist",
                "a red car",
                "two pedestrians",
                "a deer",
                "traffic cones",
                "a van",
            ]
        )
        place = rng.choice(["ahead", "on the left", "on the right", "far away", "crossing", "near the kerb"])
        road = rng.choice(["in the city", "on the highway", "on a country road", "at a crosswalk"])
        when = rng.choice(["at night", "by day", "at dusk", "in the rain", "in fog", "in snow", "in the sun"])
        text = f"{thing} {place} {road} {when}"
        if text not in asked:
            asked.add(text)
            yield text
