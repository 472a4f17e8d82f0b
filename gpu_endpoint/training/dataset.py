"""Rendered training and test sets: pictures as one array, facts as lists, both from seeds."""

from __future__ import annotations

import json
import multiprocessing
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gpu_endpoint.training.photograph import SIZE, random_pair, random_picture

CHUNK = 500  # pictures that one seed gives

Pictures = NDArray[np.uint8]


@dataclass(frozen=True)
class SceneSet:
    """Pictures and what is true of each. Shapes: pictures (n, SIZE, SIZE, 3)."""

    pictures: Pictures
    facts: list[list[str]]


def render_set(count: int, seed: int, *, processes: int = 1, pairs: str = "") -> SceneSet:
    """A set of `count` scenes; the same seed gives the same set with any number of processes.

    With pairs, the name of a kind in pairs.py, rows 2n and 2n + 1 show two scenes with one difference.
    """
    sizes = [min(CHUNK, count - start) for start in range(0, count, CHUNK)]
    jobs = [(f"{seed}/{index}", size, pairs) for index, size in enumerate(sizes)]
    if processes == 1:
        parts = [_render_chunk(job) for job in jobs]
    else:
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            parts = pool.map(_render_chunk, jobs, chunksize=1)
    return joined(SceneSet(pictures, facts) for pictures, facts in parts)


def _render_chunk(job: tuple[str, int, str]) -> tuple[Pictures, list[list[str]]]:
    seed, count, pairs = job
    rng = random.Random(seed)
    drawn: list[tuple[Pictures, list[str]]] = []
    while len(drawn) < count:
        drawn += random_pair(rng, pairs) if pairs else [random_picture(rng)]
    return np.stack([picture for picture, _ in drawn[:count]]), [known for _, known in drawn[:count]]


def joined(sets: Iterable[SceneSet]) -> SceneSet:
    """One set of all."""
    parts = list(sets)
    return SceneSet(
        np.concatenate([part.pictures for part in parts]), [f for part in parts for f in part.facts]
    )


def save_set(scenes: SceneSet, path: Path) -> None:
    """Write pictures to path.npy and facts to path.json."""
    np.save(path.with_suffix(".npy"), scenes.pictures)
    path.with_suffix(".json").write_text(json.dumps(scenes.facts))


def load_set(path: Path) -> SceneSet:
    """Read what save_set wrote."""
    return SceneSet(np.load(path.with_suffix(".npy")), json.loads(path.with_suffix(".json").read_text()))


def cached_set(folder: Path, count: int, seed: int, *, processes: int = 1, pairs: str = "") -> SceneSet:
    """The set from the folder, rendered first where it is absent."""
    path = folder / f"{pairs or 'scenes'}-{SIZE}-{seed}-{count}"
    if not path.with_suffix(".json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        save_set(render_set(count, seed, processes=processes, pairs=pairs), path)
    return load_set(path)
