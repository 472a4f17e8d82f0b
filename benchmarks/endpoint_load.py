"""The endpoint beside LitServe, mosec and infinity with the same models, and alone at 5 times its capacity.

python -m benchmarks.endpoint_load gpu --peers VENV [--infinity VENV] [--compiled]
python -m benchmarks.endpoint_load minilm --peers VENV [--infinity VENV] [--compiled]
python -m benchmarks.endpoint_load overload [--compiled]

With --compiled also, or for the overload only, as the images run it: "ours" is the sources, "compiled" those.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.endpoint.servers import OURS, asked, compile_ours, prepare, running
from benchmarks.report import machine, spread, table, verdict

BATCH = 32
CLIENTS = 32
TEXTS_A_REQUEST = 8  # of the overload: so that the network, not HTTP, is what is short
TIMES_CAPACITY = 5
CONNECTIONS = 400
NO_PEER = Path("/nonexistent")
SHOWN = (("p50_ms", 2), ("per_s", 0), ("p95_ms", 1))


def load(port: int, **plan: Any) -> dict[str, Any]:
    """What a client process saw."""
    given = json.dumps({"port": port, **plan})
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.endpoint.load", given], capture_output=True, text=True, check=True
    )
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def measure(server: str, model: str, batch: int, environment: Path, seconds: float) -> dict[str, float]:
    """One client, then many."""
    question = asked(server, model)
    plan = vars(question) | {"seconds": seconds}
    with running(server, model, batch=batch, environment=environment) as there:
        load(there.port, **plan | {"clients": CLIENTS, "seconds": 1.0})
        alone = load(there.port, **plan | {"clients": 1})
        many = load(there.port, **plan | {"clients": CLIENTS})
    if set(many["statuses"]) != {"200"}:
        print(f"{server}: not all were answered: {many['statuses']}")
    return {"p50_ms": alone["p50_ms"], "per_s": many["per_s"], "p95_ms": many["p95_ms"]}


def compare(model: str, peers: dict[str, Path], rounds: int, seconds: float) -> None:
    """Every server in turn, so that what else the machine does meets all of them."""
    figures: dict[tuple[str, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(rounds):
        for batch in (BATCH, 1):
            for server, environment in peers.items():
                for name, value in measure(server, model, batch, environment, seconds).items():
                    figures[server, batch][name].append(value)
    rows = []
    chief = "compiled" if "compiled" in peers else "ours"
    for (server, batch), seen in sorted(figures.items(), key=lambda one: (-one[0][1], one[0][0] not in OURS)):
        ratios = [a / b for a, b in zip(seen["per_s"], figures[chief, batch]["per_s"], strict=True)]
        batching = "on" if batch > 1 else "off"
        alone, many, p95 = (spread(seen[name], digits=digits) for name, digits in SHOWN)
        rows.append([server, batching, alone, many, p95, spread(ratios, digits=2)])
    print(
        table(["server", "batching", "alone p50 ms", "32 clients, /s", "p95 ms", f"/s beside {chief}"], rows)
    )
    ours = {batch: figures[chief, batch]["per_s"] for batch in (BATCH, 1)}
    gain = [on / off for on, off in zip(ours[BATCH], ours[1], strict=True)]
    print(f"\nbatching gains {spread(gain)}x here")
    if model == "gpu":
        print(verdict("batching gains at least 4x on a GPU-like model", held=median(gain) >= 4))
    for server in peers:
        ratio = median([a / b for a, b in zip(ours[BATCH], figures[server, BATCH]["per_s"], strict=True)])
        if server not in OURS:
            print(verdict(f"not behind {server}: {ratio:.2f}x its requests/s at 32 clients", held=ratio >= 1))


def overload(server: str, seconds: float) -> None:
    """Five times what the model can do, for a while; nobody says how long they would wait."""
    full = vars(asked(server, "gpu", BATCH))
    part = vars(asked(server, "gpu", TEXTS_A_REQUEST, patient=False))
    with running(server, "gpu", batch=BATCH, environment=NO_PEER) as there:
        load(there.port, **part, clients=4, seconds=1.0)
        alone = load(there.port, **full, clients=1, seconds=5.0)
        capacity = load(there.port, **part, clients=8, seconds=5.0)["per_s"]
        before = there.memory_mb()
        seen = load(there.port, **part, clients=CONNECTIONS, seconds=seconds, rate=TIMES_CAPACITY * capacity)
        after = there.memory_mb()
        again = load(there.port, **part, clients=1, seconds=1.0)
    report(alone, capacity, seen, seconds, (before, after), again)


def report(
    alone: dict[str, Any],
    capacity: float,
    seen: dict[str, Any],
    seconds: float,
    memory_mb: tuple[float, float],
    again: dict[str, Any],
) -> None:
    """The table and the bars."""
    unloaded, refused = alone["p50_ms"], sum(seen["statuses"].values()) - seen["answered"]
    rows = [
        ["a full batch on an idle lane, p50", f"{unloaded:.1f} ms"],
        ["capacity", f"{capacity:.0f} requests/s of {TEXTS_A_REQUEST} texts"],
        ["asked", f"{TIMES_CAPACITY * capacity:.0f} requests/s for {seconds:.0f} s"],
        ["answered", f"{seen['per_s']:.0f} requests/s ({seen['per_s'] / capacity:.0%} of capacity)"],
        [
            "answered p50 / p95 / p99",
            f"{seen['p50_ms']:.1f} / {seen['p95_ms']:.1f} / {seen['p99_ms']:.1f} ms",
        ],
        [
            "turned away",
            f"{refused} of {refused + seen['answered']}, {seen['told_to_retry']} told when to retry",
        ],
        ["memory before, after", f"{memory_mb[0]:.0f}, {memory_mb[1]:.0f} MiB"],
        ["one client afterwards, p50", f"{again['p50_ms']:.1f} ms"],
    ]
    print(table(["overload", ""], rows))
    print(verdict("p99 of the answered <= 2x a full batch alone", held=seen["p99_ms"] <= 2 * unloaded))
    print(verdict("all others told to retry", held=refused == seen["told_to_retry"] and not seen["unsent"]))
    print(verdict("memory within 5 %", held=math.isclose(*memory_mb, rel_tol=0.05)))


def main() -> None:
    """One of the three."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endpoint_load")
    parser.add_argument("what", choices=("gpu", "minilm", "overload"))
    parser.add_argument("--peers", type=Path, help="environment with LitServe and mosec (extra bench)")
    parser.add_argument("--infinity", type=Path, help="environment with infinity-emb")
    parser.add_argument("--compiled", action="store_true", help="ours as the images run it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="of each measurement; overload: 30 is the bar"
    )
    given = parser.parse_args()
    print(machine(), end="\n\n")
    prepare()
    if given.compiled:
        compile_ours()
    if given.what == "overload":
        overload("compiled" if given.compiled else "ours", given.seconds)
        return
    peers = {"ours": NO_PEER} | ({"compiled": NO_PEER} if given.compiled else {})
    if given.peers:
        peers |= {"litserve": given.peers, "mosec": given.peers}
    if given.infinity and given.what == "minilm":
        peers["infinity"] = given.infinity
    compare(given.what, peers, given.rounds, given.seconds)


if __name__ == "__main__":
    main()
