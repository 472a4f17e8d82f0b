"""A question asked again, by another process: `python -m benchmarks.repeat`.

30,000 frames in one workspace (benchmarks/crowd.py). Each question is asked once by a first process, then
once by a second that has never seen it; both run the code behind POST /v1/search, endpoint and HTTP left out:
they embed with the bundled model in their own process.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import crowd
from benchmarks.drive_workspaces import LocalModel, asked, new_workspace
from benchmarks.plain import load_model
from benchmarks.report import BUILD, machine, table
from gpu_endpoint.training.bundled import MODEL_ID
from local_cloud.database import prepare_database
from local_cloud.postgres import EmbeddedPostgres
from sightline.migrations import migrate
from sightline.principal import Principal
from sightline.scenarios.schemas import SearchRequest

QUESTIONS = 60
FRAMES = 30_000
HOME = BUILD / "repeat"


def worker(database: str, workspace_id: str, texts: Sequence[str]) -> None:
    """Asks every text; prints milliseconds and whether each was kept."""
    from local_cloud.database import DatabaseUrls

    crowd.use(DatabaseUrls(**json.loads(database)))
    principal = Principal("benchmark", "api_key", workspace_id, "viewer")
    model: Any = LocalModel(load_model(BUILD / "models"))
    told = []
    for text in ["a warm-up of this process", *texts]:
        began = time.perf_counter()
        answer = asked(principal, SearchRequest(text=text), model)
        told.append([(time.perf_counter() - began) * 1000, answer.plan.cached])
    print(json.dumps(told[1:]))


def asked_apart(database: str, workspace_id: str, texts: Sequence[str]) -> list[tuple[float, bool]]:
    """By a process of its own."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.repeat",
        "--worker",
        database,
        workspace_id,
        json.dumps(list(texts)),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [(ms, cached) for ms, cached in json.loads(done.stdout.splitlines()[-1])]


def main() -> None:
    """Asks twice, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        database, workspace_id, texts = options.worker
        worker(database, workspace_id, json.loads(texts))
        return
    about = machine()
    seed = f"{time.time():.0f}"  # new words in every run
    texts = [f"{text} number {seed}" for text in list(crowd.questions(QUESTIONS))]
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    with EmbeddedPostgres(HOME / "pg", durable=False) as server:
        urls = prepare_database(server.url, secrets_path=HOME / "pg-secrets")
        database = json.dumps({"app": urls.app, "owner": urls.owner})
        crowd.use(urls)
        migrate()
        workspace_id = new_workspace().workspace_id
        crowd.fill(
            workspace_id, frames=FRAMES, scenes=crowd.scene_vectors(BUILD / "models", BUILD / "scenes")
        )
        first = asked_apart(database, workspace_id, texts)
        again = asked_apart(database, workspace_id, texts)
    assert not any(cached for _, cached in first)
    assert all(cached for _, cached in again)
    shutil.rmtree(HOME)
    rows = [
        [name, f"{np.percentile(ms, 50):.1f}", f"{np.percentile(ms, 95):.1f}"]
        for name, ms in (
            ("new", [ms for ms, _ in first]),
            ("again, by another process", [ms for ms, _ in again]),
        )
    ]
    print(f"{about}\n{FRAMES:,} frames, {QUESTIONS} questions, model {MODEL_ID}\n")
    print(table(["question", "p50 ms", "p95 ms"], rows))
    print(f"\nx faster at the median: {float(rows[0][1]) / float(rows[1][1]):.1f}")


if __name__ == "__main__":
    main()
