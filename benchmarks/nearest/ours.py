"""Sightline's side: the workspace filled and indexed, whole calls over HTTP, and what they find."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector

from benchmarks import crowd
from benchmarks.cloud import Cloud, running_cloud
from benchmarks.nearest.stores import GROUP, K
from benchmarks.nearest.vectors import CELLS, VIDEO_FRAMES, texts_of
from benchmarks.report import BUILD
from benchmarks.search import Timed, ask_all, callers_of
from gpu_endpoint.training.bundled import MODEL_ID
from local_cloud.database import prepare_database
from local_cloud.postgres import EmbeddedPostgres
from sightline.database import close_idle, owner_connection, transaction
from sightline.scenarios import rules, store
from sightline.scenarios.answers import SearchModel
from sightline.scenarios.composed import Composed, Direction, background_of
from sightline.scenarios.filters import Filters
from sightline.scenarios.finding import Finder
from sightline.scenarios.schemas import SearchRequest
from sightline.vectors.background import Ground, background_sample
from sightline.vectors.indexes import maintain_indexes
from sightline.vectors.spaces import find_space

INDEX_MEMORY_MIB = 4096  # the graph of a million frames takes 1.7 GiB
TAGS = dict(zip(CELLS, [None, *crowd.SHARES], strict=True))


@dataclass(frozen=True)
class Measured:
    """One cell: what each call took, and what share of the ten nearest it found."""

    timed: list[Timed]
    recall: float


def home_of(frames: int) -> Path:
    """Where everything of a run of so many frames lies."""
    return BUILD / f"latency_{frames}"


def prepare(frames: int) -> dict[str, float]:
    """Fills and indexes the database while no cloud runs on it; answers the seconds of both."""
    home = home_of(frames)
    done = home / "prepared.json"
    if not done.exists():
        with running_cloud(home.name) as cloud:  # makes the account and the tables
            workspace_id = cloud.workspace_id
        os.environ["SIGHTLINE_INDEX_MEMORY_MIB"] = str(INDEX_MEMORY_MIB)
        settings = {"max_wal_size": "8GB"}
        with EmbeddedPostgres(home / "pg", durable=False, settings=settings) as server:
            crowd.use(prepare_database(server.url, secrets_path=home / "pg-secrets"))
            done.write_text(json.dumps(_filled(workspace_id, frames, home)))
            close_idle()
    took: dict[str, float] = json.loads(done.read_text())
    return took


def _filled(workspace_id: str, frames: int, home: Path) -> dict[str, float]:
    scenes = crowd.scene_vectors(home / "models", BUILD / "scenes")
    began = time.perf_counter()
    crowd.fill(workspace_id, frames=frames, scenes=scenes, video_frames=VIDEO_FRAMES)
    with owner_connection() as conn:
        conn.execute("ANALYZE")
    filled = time.perf_counter()
    maintain_indexes()
    return {"fill_s": filled - began, "build_s": time.perf_counter() - filled}


def measure(frames: int) -> dict[str, Measured]:
    """Every cell's questions, by one client, then again in this process for what they find."""
    told = home_of(frames) / "peers"
    questions, truth = np.load(told / "questions.npy"), np.load(told / "truth.npy")
    with running_cloud(home_of(frames).name) as cloud:
        crowd.use(cloud.database)
        crowd.forget_answers()
        callers = callers_of(cloud)
        api = cloud.sightline.api_url
        # Starts the processes and fills the database's memory, as the other stores have theirs filled.
        ask_all(api, callers, texts_of("others"), {}, clients=1)
        measured = {}
        for number, cell in enumerate(CELLS):
            timed = ask_all(api, callers, texts_of(cell), filters_of(cell), clients=1)
            measured[cell] = Measured(timed, recall(cloud, cell, questions[number], truth[number]))
        close_idle()
    return measured


def filters_of(cell: str) -> dict[str, object]:
    """What leaves so many of the videos."""
    tag = TAGS[cell]
    return {"tags": [f"{tag}-{GROUP}"]} if tag else {}


def recall(cloud: Cloud, cell: str, questions: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """Share of the exact ten that the search's own path gives, as POST /v1/search ranks."""
    request = SearchRequest(text="as vectors", filters=Filters.model_validate(filters_of(cell)))
    shares = []
    with transaction(cloud.workspace_id) as conn:
        space = find_space(conn, model_id=MODEL_ID, dim=questions.shape[1])
        assert space is not None
        ground = Ground(space, background_sample(conn, space=space))
        matching = store.count_matching(conn, request.filters)
        for question, best in zip(questions, truth, strict=True):
            step = Direction(HalfVector(question))
            composed = Composed(SearchModel(id=MODEL_ID, revision="", dim=space.dim), (step,))
            finder = Finder(conn, ground, request, composed, matching)
            typical = background_of(step, ground.background).centre
            _, hits = finder.frames(typical, rules.frames_for(request.limit))
            rows = [int(hit.asset_name.split()[-1]) * VIDEO_FRAMES + round(hit.time_s) for hit in hits]
            shares.append(len(set(rows[:K]) & set(best.tolist())) / K)
    return float(np.mean(shares))
