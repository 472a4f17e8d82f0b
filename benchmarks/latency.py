"""Search latency and recall beside other stores: `python -m benchmarks.latency --frames N [--peers VENV]`.

A workspace of clips of 100 s, clustered as footage is (benchmarks/crowd.py), asked in words. Ours is the
whole of POST /v1/search, one client at a time, over HTTP in the local cloud: authorizer, function, endpoint,
Postgres. The others are asked for the ten nearest, in their own process, with the question's vector at hand.
Four cells: all frames, and a tag that a tenth, a hundredth and a thousandth of the clips carry. Recall@10 is
against an exact comparison of all vectors. `--build` fills and indexes everything and asks nothing: that
takes long, and what is measured afterwards wants the machine to itself.
"""

import argparse
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import crowd
from benchmarks.nearest import ours, vectors
from benchmarks.nearest.stores import STORES
from benchmarks.nearest.vectors import CELLS
from benchmarks.report import BUILD, machine, table, verdict

ROOT = Path(__file__).parent.parent
P95_BAR_MS, RECALL_BAR = 100.0, 0.98
HEADER = ["store", "searched", "path", "p50 ms", "p95 ms", "p99 ms", "recall@10"]


def prepare(frames: int) -> dict[str, float]:
    """Everything that is asked later: our workspace, and the same vectors for the others."""
    took = ours.prepare(frames)
    home = ours.home_of(frames)
    scenes = crowd.scene_vectors(home / "models", BUILD / "scenes")
    vectors.write(home / "peers", frames=frames, models=home / "models", scenes=scenes)
    return took


def our_rows(measured: dict[str, ours.Measured]) -> list[list[str]]:
    """The whole call, and the part of it that was SQL."""
    rows = []
    for cell, one in measured.items():
        paths = " ".join(sorted({timed.path for timed in one.timed}))
        again = sum(timed.escalated for timed in one.timed)
        path = f"{paths}, {again} of {len(one.timed)} again exactly" if again else paths
        call = percentiles([timed.call_ms for timed in one.timed])
        sql = percentiles([timed.sql_ms for timed in one.timed])
        rows.append(["Sightline, whole call", cell, path, *call, f"{one.recall:.3f}"])
        rows.append(["of it SQL", cell, path, *sql, ""])
    return rows


def percentiles(took_ms: list[float]) -> list[str]:
    """p50, p95, p99."""
    return [f"{value:.1f}" for value in np.percentile(took_ms, [50, 95, 99])]


def peer(name: str, environment: Path, frames: int, *, only_build: bool = False) -> dict[str, Any]:
    """What another store did, in its own environment and process."""
    command = [str(environment / "bin" / "python"), "-m", "benchmarks.nearest.peers", name]
    command += [str(ours.home_of(frames) / "peers"), *(["--build"] if only_build else [])]
    quiet = {**os.environ, "ANONYMIZED_TELEMETRY": "false"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=quiet, cwd=ROOT)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def peer_rows(name: str, told: dict[str, Any]) -> list[list[str]]:
    """One store's lines."""
    rows = []
    for cell, seen in told["cells"].items():
        times = [f"{seen[at]:.1f}" for at in ("p50", "p95", "p99")]
        rows.append([name, cell, f"{seen['asked']} questions", *times, f"{seen['recall']:.3f}"])
    return rows


def main() -> None:
    """Prepares what is missing, asks, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--peers", type=Path, help="an environment with the other stores")
    parser.add_argument("--only", action="append", choices=["ours", *STORES], help="only this store")
    parser.add_argument("--build", action="store_true", help="fill and index only")
    options = parser.parse_args()
    about, wanted = machine(), options.only or ["ours", *STORES]
    took = prepare(options.frames)
    others = [name for name in STORES if name in wanted and options.peers]
    rows, verdicts = [], []
    if "ours" in wanted and not options.build:
        measured = ours.measure(options.frames)
        rows += our_rows(measured)
        verdicts = verdicts_of(measured)
    for name in others:
        told = peer(name, options.peers, options.frames, only_build=options.build)
        took[f"{name} build_s"] = told["build_s"]
        rows += [] if options.build else peer_rows(name, told)
    print(f"{about}\n{options.frames:,} frames x 256, {vectors.QUESTIONS} questions a cell, one client")
    print(", ".join(f"{name} {seconds:.0f}" for name, seconds in took.items()) + "\n")
    print(table(HEADER, rows))
    print("\n" + "\n".join(verdicts))


def verdicts_of(measured: dict[str, ours.Measured]) -> list[str]:
    """The bars, cell by cell."""
    told = []
    for cell in CELLS:
        one = measured[cell]
        p95 = float(np.percentile([timed.call_ms for timed in one.timed], 95))
        told.append(verdict(f"{cell}: p95 {p95:.0f} ms at most {P95_BAR_MS:g}", held=p95 <= P95_BAR_MS))
        found = one.recall
        told.append(verdict(f"{cell}: recall {found:.3f} at least {RECALL_BAR}", held=found >= RECALL_BAR))
    return told


if __name__ == "__main__":
    main()
