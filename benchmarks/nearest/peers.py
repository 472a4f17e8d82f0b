"""Runs in an environment of its own: `python -m benchmarks.nearest.peers STORE FOLDER` prints JSON.

FOLDER holds what benchmarks/nearest/vectors.py wrote. A store builds its index once and keeps it there. It is
asked for the ten nearest by one client, with the question's vector at hand.
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.nearest.stores import STORES, Frames, Store, Vectors

LEAST_ASKED, LIMIT_MS = 20, 20_000.0  # a cell so slow is not asked everything


def build_s(store: Store, home: Path) -> float:
    """Builds the index unless it was built before; how long that took."""
    done = home / "built.json"
    if not done.exists():
        began = time.perf_counter()
        store.build()
        done.write_text(json.dumps(time.perf_counter() - began))
    return float(json.loads(done.read_text()))


def measured(store: Store, questions: Vectors, truth: NDArray[np.int64], of: int) -> dict[str, float]:
    """Milliseconds of one question after another, and the share of the ten nearest that was found."""
    took_ms: list[float] = []
    shares = []
    store.ask(questions[-1], of)
    for question, best in zip(questions, truth, strict=True):
        if len(took_ms) >= LEAST_ASKED and sum(took_ms) > LIMIT_MS:
            break
        began = time.perf_counter()
        found = store.ask(question, of)
        took_ms.append((time.perf_counter() - began) * 1000)
        shares.append(len(set(found) & set(best.tolist())) / len(best))
    p50, p95, p99 = np.percentile(took_ms, [50, 95, 99])
    return {"p50": p50, "p95": p95, "p99": p99, "recall": float(np.mean(shares)), "asked": len(took_ms)}


def main(name: str, folder: Path, *, only_build: bool) -> None:
    """Builds, asks every cell's questions, prints."""
    home = folder / name
    home.mkdir(exist_ok=True)
    plan = json.loads((folder / "plan.json").read_text())
    cells: Mapping[str, int] = plan["cells"]
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    videos = np.arange(len(vectors)) // plan["video_frames"]
    store = STORES[name](Frames(home, vectors, videos, [of for of in cells.values() if of > 1]))
    told: dict[str, Any] = {"build_s": build_s(store, home)}
    if not only_build:
        questions, truth = np.load(folder / "questions.npy"), np.load(folder / "truth.npy")
        store.open()
        asked = zip(cells.items(), questions, truth, strict=True)
        told["cells"] = {cell: measured(store, texts, best, of) for (cell, of), texts, best in asked}
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), only_build="--build" in sys.argv)
