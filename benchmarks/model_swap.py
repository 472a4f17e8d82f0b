"""Swaps under load: `python -m benchmarks.model_swap`.

Two containers share one desired state in S3 (the emulator's) and stand behind one address. 32 clients embed
texts and contact sheets without a pause while an operator promotes one revision after another, loads one that
does not agree, and promotes one that passes every check and then fails on some requests. Its last line is
JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from benchmarks.fleet import RoundRobin, running_fleet, running_store
from benchmarks.report import BUILD, machine, spread, table, verdict
from benchmarks.variants import Kind, write_variant
from gpu_endpoint.lifecycle.artifacts import register
from gpu_endpoint.lifecycle.controller import Controller
from gpu_endpoint.lifecycle.objects import open_objects
from gpu_endpoint.lifecycle.probes import TILE, scene
from gpu_endpoint.lifecycle.standing import FleetError
from gpu_endpoint.models.config import ModelConfig
from gpu_endpoint.settings import EndpointSettings
from sightline.contracts.inference import ATTRIBUTES_HEADER, JPEG, JSON, NPY, Call, SheetLayout

CLIENTS, SECONDS, PROMOTIONS = 32, 60.0, 10
DEADLINE = Call(deadline_ms=30_000)
SWAP_BAR_S = 3.0
WHITE_EVERY = 7
"""One sheet in so many has a white tile, which the revision that breaks cannot take."""


@dataclass
class Tally:
    """What the clients saw."""

    answers: Counter[str] = field(default_factory=Counter)
    revisions: Counter[str] = field(default_factory=Counter)
    took_s: list[float] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """All that were asked."""
        return self.answers.total()

    @property
    def failures(self) -> int:
        """All that were not answered with 200."""
        return self.requests - self.answers["200"]


@dataclass
class Swaps:
    """What the operator saw."""

    loads_s: list[float] = field(default_factory=list)
    swaps_s: list[float] = field(default_factory=list)
    refused: str = ""
    rolled_back: str = ""
    rollback_s: float = 0.0


def sheet(seed: int, *, white: bool) -> tuple[bytes, SheetLayout]:
    """Four tiles, perhaps one of them white."""
    tiles = [scene(seed + number) for number in range(4)]
    if white:
        tiles[2] = np.full_like(tiles[2], 255)
    jpeg = io.BytesIO()
    Image.fromarray(np.concatenate(tiles, axis=1)).save(jpeg, "JPEG", quality=92)
    return jpeg.getvalue(), SheetLayout(columns=4, tile_width=TILE, tile_height=TILE, tiles=4)


def requests_of(client: int) -> list[tuple[bytes, dict[str, str]]]:
    """What one client asks, over and over: two texts to each sheet."""
    asked: list[tuple[bytes, dict[str, str]]] = []
    for number in range(WHITE_EVERY):
        for word in ("bridge", "tunnel"):
            body = json.dumps({"texts": [f"a {word} seen by car {client}-{number} at night"]}).encode()
            asked.append((body, {"content-type": JSON, ATTRIBUTES_HEADER: DEADLINE.to_attributes()}))
        jpeg, layout = sheet(client * 100 + number, white=number == client % WHITE_EVERY)
        asked.append((jpeg, {"content-type": JPEG, ATTRIBUTES_HEADER: layout.to_attributes(call=DEADLINE)}))
    return [(body, headers | {"accept": NPY, "connection": "close"}) for body, headers in asked]


async def one_client(number: int, url: str, ended: asyncio.Event, tally: Tally) -> None:
    """Asks until the end; a new connection each time, so that each goes to the next container."""
    asked = requests_of(number)
    async with httpx.AsyncClient(timeout=60) as http:
        turn = number
        while not ended.is_set():
            body, headers = asked[turn % len(asked)]
            turn += 1
            began = time.perf_counter()
            try:
                answer = await http.post(f"{url}/invocations", content=body, headers=headers)
                tally.answers[str(answer.status_code)] += 1
                said = answer.headers.get(ATTRIBUTES_HEADER, "")
                tally.revisions[next((p for p in said.split(";") if p.startswith("revision=")), "")] += 1
            except httpx.HTTPError as error:
                tally.answers[type(error).__name__] += 1
            tally.took_s.append(time.perf_counter() - began)


class Operator:
    """Promotes, and tries to promote what should not be."""

    def __init__(self, controller: Controller, model_id: str, folder: Path, promotions: int) -> None:
        self._controller, self._model_id, self._folder = controller, model_id, folder
        kinds: list[Kind] = ["agrees"] * promotions
        self._good = [self._registered(kind, seed) for seed, kind in enumerate(kinds)]
        self._disagrees = self._registered("disagrees", 100)
        self._breaks = self._registered("breaks", 200)
        self.swaps = Swaps()

    def _registered(self, kind: Kind, seed: int) -> str:
        path = write_variant(self._model_id, self._folder / f"{kind}-{seed}", kind=kind, seed=seed)
        config = ModelConfig.model_validate_json(path.read_text())
        return register(self._controller.objects, config, path.parent).config.revision()

    def work(self) -> Swaps:
        """All of it, one after the other."""
        half = len(self._good) // 2
        for revision in self._good[:half]:
            self.promote(revision)
        self.refused()
        self.breaking()
        for revision in self._good[half:]:
            self.promote(revision)
        return self.swaps

    def promote(self, revision: str) -> None:
        """Loads beside, then swaps; timed apart."""
        began = time.monotonic()
        self._controller.load(self._model_id, revision)
        self._controller.wait_ready(self._model_id, revision)
        self.swaps.loads_s.append(time.monotonic() - began)
        self.swaps.swaps_s.append(self._controller.promote(self._model_id, revision))

    def refused(self) -> None:
        """The checks keep out what does not agree."""
        self._controller.load(self._model_id, self._disagrees)
        try:
            self._controller.wait_ready(self._model_id, self._disagrees)
        except FleetError as error:
            self.swaps.refused = str(error)
        self._controller.drop(self._model_id)

    def breaking(self) -> None:
        """The containers take back what fails once it serves."""
        with suppress(FleetError):  # it may be taken back before all containers had swapped
            self.promote(self._breaks)
        began = time.monotonic()
        while time.monotonic() - began < 20:
            state = self._controller.state()
            entry = state.entry(self._model_id) if state else None
            if entry is not None and entry.current != self._breaks:
                self.swaps.rolled_back = entry.rolled_back or ""
                break
            time.sleep(0.1)
        self.swaps.rollback_s = time.monotonic() - began


async def under_load(url: str, operator: Operator, *, clients: int, seconds: float) -> Tally:
    """The operator works while the clients ask, for at least so long."""
    tally, ended = Tally(), asyncio.Event()
    began = time.monotonic()
    asking = [asyncio.create_task(one_client(number, url, ended, tally)) for number in range(clients)]
    try:
        await asyncio.to_thread(operator.work)
        await asyncio.sleep(max(0.0, seconds - (time.monotonic() - began)))
    finally:
        ended.set()
        await asyncio.gather(*asking)
    return tally


def measure(*, clients: int, seconds: float, promotions: int) -> dict[str, object]:
    """Starts all, loads all, prints all."""
    home, model_id = BUILD / "swap", EndpointSettings().image_model
    home.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="sightline-swap-") as scratch,
        running_store(Path(scratch)) as store,
    ):
        os.environ.update(store)
        serving = {**store, "SIGHTLINE_MODEL_POLL_S": "0.5", "SIGHTLINE_ENDPOINT_THREADS": "1"}
        controller = Controller(open_objects(store["SIGHTLINE_MODEL_STORE"]), wait_s=180)
        with (
            running_fleet(home, Path(scratch), serving) as fleet,
            RoundRobin([container.url for container in fleet]) as address,
        ):
            operator = Operator(controller, model_id, Path(scratch) / "variants", promotions)
            began = time.monotonic()
            tally = asyncio.run(under_load(address.url, operator, clients=clients, seconds=seconds))
            took_s = time.monotonic() - began
    return told(tally, operator.swaps, took_s=took_s, clients=clients)


def told(tally: Tally, swaps: Swaps, *, took_s: float, clients: int) -> dict[str, object]:
    """Prints the tables; answers the last line."""
    ordered = sorted(tally.took_s)
    p50, p99 = (ordered[int(share * (len(ordered) - 1))] * 1000 for share in (0.5, 0.99))
    print(
        table(
            ("what", "measured"),
            [
                ("clients, seconds", f"{clients}, {took_s:.1f}"),
                ("requests, failures", f"{tally.requests}, {tally.failures}  {dict(tally.answers)}"),
                ("p50, p99 (ms)", f"{p50:.0f}, {p99:.0f}"),
                ("revisions that answered", str(len(tally.revisions))),
                ("load and check beside the traffic (s)", spread(swaps.loads_s, digits=2)),
                ("swap over both containers (s)", spread(swaps.swaps_s, digits=2)),
                ("kept out", swaps.refused),
                ("taken back", f"{swaps.rolled_back} ({swaps.rollback_s:.1f} s)"),
            ],
        )
    )
    slowest = max(swaps.swaps_s)
    print(verdict("zero failed requests", held=tally.failures == 0))
    print(verdict(f"each swap under {SWAP_BAR_S:.0f} s (slowest {slowest:.2f} s)", held=slowest < SWAP_BAR_S))
    print(verdict("the bad ones kept out and taken back", held=bool(swaps.refused and swaps.rolled_back)))
    return {
        "requests": tally.requests,
        "failures": tally.failures,
        "swaps": len(swaps.swaps_s),
        "slowest_swap_s": round(slowest, 3),
        "refused": int(bool(swaps.refused)),
        "rolled_back": int(bool(swaps.rolled_back)),
        "seconds": round(took_s, 1),
    }


def main() -> int:
    """Exit status: 0 when the bars hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.model_swap", description=__doc__)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="at least; swaps take what they take")
    parser.add_argument("--promotions", type=int, default=PROMOTIONS)
    given = parser.parse_args()
    print(machine())
    line = measure(clients=given.clients, seconds=given.seconds, promotions=given.promotions)
    print(json.dumps(line))
    good = line["failures"] == 0 and line["refused"] and line["rolled_back"]
    return 0 if good and float(str(line["slowest_swap_s"])) < SWAP_BAR_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
