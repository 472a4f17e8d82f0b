"""Search at 100,000 frames with 4 clients: `python -m benchmarks.search`.

Whole calls of POST /v1/search over HTTP in the local cloud (authorizer, function, endpoint, Postgres), and
the part of each that was SQL, as the answer says. Every question is new, so that none comes from a cache,
unless the row says so. Recall@10 compares the graph's ten best frames with those of an exact scan.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle

import httpx
import numpy as np
from pgvector import HalfVector

from benchmarks import crowd
from benchmarks.cloud import Cloud, running_cloud
from benchmarks.plain import load_model
from benchmarks.report import BUILD, machine, table
from gpu_endpoint.training.bundled import MODEL_ID
from sightline.database import transaction
from sightline.scenarios import store
from sightline.scenarios.composed import Direction
from sightline.scenarios.schemas import Filters
from sightline.vectors.indexes import maintain_indexes
from sightline.vectors.search import Path, Plan
from sightline.vectors.spaces import find_space

CLIENTS = 4
# A principal may search 120 times a minute: keys enough that the limit is not what is measured.
KEYS = 24
QUESTIONS = 300
RECALL_QUESTIONS = 100


@dataclass(frozen=True)
class Timed:
    """One answered search."""

    call_ms: float
    sql_ms: float
    embed_ms: float
    path: str
    escalated: bool


def ask_all(
    api_url: str,
    callers: Iterator[dict[str, str]],
    texts: Sequence[str],
    filters: dict[str, object],
    *,
    clients: int = CLIENTS,
) -> list[Timed]:
    """Every text once, by so many clients at a time."""

    def one_client(mine: Sequence[tuple[dict[str, str], str]]) -> list[Timed]:
        timed = []
        with httpx.Client(base_url=api_url, timeout=30.0) as http:
            for headers, text in mine:
                body = {"text": text, "filters": filters}
                began = time.perf_counter()
                answer = http.post("/v1/search", json=body, headers=headers)
                took_ms = (time.perf_counter() - began) * 1000
                answer.raise_for_status()
                told = answer.json()
                sql_ms, embed_ms = told["took_ms"]["sql"], told["took_ms"]["embed"]
                plan = told["plan"]
                timed.append(Timed(took_ms, sql_ms, embed_ms, plan["path"], plan["escalated"]))
        return timed

    pairs = list(zip(callers, texts, strict=False))
    with ThreadPoolExecutor(clients) as threads:
        parts = threads.map(one_client, [pairs[client::clients] for client in range(clients)])
        return [timed for part in parts for timed in part]


def callers_of(cloud: Cloud) -> Iterator[dict[str, str]]:
    """The headers of many principals, in turn."""
    names = [f"benchmark {number}" for number in range(KEYS)]
    keys = [cloud.sightline.accounts.create_api_key(name, role="viewer").key for name in names]
    return cycle([{"authorization": f"Bearer {key}", "x-workspace-id": cloud.workspace_id} for key in keys])


def recall(cloud: Cloud, workspace_id: str, texts: Sequence[str]) -> float:
    """Share of an exact scan's ten best frames that the graph gives too."""
    encoder = load_model(cloud.home / "models")
    shares = []
    with transaction(workspace_id) as conn:
        space = find_space(conn, model_id=MODEL_ID, dim=256)
        assert space is not None
        matching = store.count_matching(conn, Filters())
        for vector in encoder.embed_texts(list(texts)):
            found = []
            paths: tuple[Path, Path] = ("hnsw", "exact")
            for path in paths:
                target = store.target_of(
                    Direction(HalfVector(vector)), space=space, typical_score=0.0, filters=Filters()
                )
                wanted = Plan(path, matching, 200, complete=True)
                plan, hits = store.find_frames(conn, space=space, target=target, plan=wanted)
                assert plan.path == path
                found.append({(hit.asset_id, hit.time_s) for hit in hits[:10]})
            shares.append(len(found[0] & found[1]) / 10)
    return float(np.mean(shares))


def row_of(name: str, timed: Sequence[Timed]) -> list[str]:
    """Percentiles of the whole call, of its SQL and of its embedding."""
    columns = [[t.call_ms for t in timed], [t.sql_ms for t in timed], [t.embed_ms for t in timed]]
    paths = " ".join(sorted({t.path for t in timed}))
    return [name, paths, *(f"{np.percentile(c, 50):.0f} / {np.percentile(c, 99):.0f}" for c in columns)]


def main() -> None:
    """Fills the workspace when it is empty, asks, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100_000)
    frames = parser.parse_args().frames
    about = machine()
    with running_cloud(f"search_{frames}") as cloud:
        crowd.use(cloud.database)
        workspace_id = cloud.workspace_id
        scenes = crowd.scene_vectors(cloud.home / "models", BUILD / "scenes")
        crowd.fill(workspace_id, frames=frames, scenes=scenes)
        began = time.perf_counter()
        built = maintain_indexes()["done"]
        build_s = time.perf_counter() - began
        callers = callers_of(cloud)
        crowd.forget_answers()
        texts = list(crowd.questions(3 * QUESTIONS + RECALL_QUESTIONS))
        every, tenth, hundredth = (texts[i * QUESTIONS : (i + 1) * QUESTIONS] for i in range(3))
        api = cloud.sightline.api_url
        ask_all(api, callers, texts[-2 * CLIENTS :], {})  # starts the processes
        rows = [
            row_of("all frames", ask_all(api, callers, every, {})),
            row_of("all frames, asked before", ask_all(api, callers, every[:16] * 18, {})),
            row_of("a tenth of them, by tag", ask_all(api, callers, tenth, {"tags": ["tenth-3"]})),
            row_of("one hour, by metadata", ask_all(api, callers, hundredth, {"metadata": {"hour": 7}})),
        ]
        found = recall(cloud, workspace_id, texts[-RECALL_QUESTIONS:])
    print(f"{about}\n{frames:,} frames x 256 halfvec, {CLIENTS} clients, {QUESTIONS} questions a row")
    print(f"index: {built or 'built before'}, {build_s:.0f} s\n")
    print(table(["searched", "path", "call p50 / p99 ms", "SQL p50 / p99 ms", "embed p50 / p99 ms"], rows))
    print(f"\nrecall@10 of the graph against an exact scan, {RECALL_QUESTIONS} questions: {found:.4f}")


if __name__ == "__main__":
    main()
