"""Rendered drives of known timelines, each without some of what can be asked: a prompt has drives that show
it and drives that do not."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.report import BUILD
from gpu_endpoint.training import drive
from gpu_endpoint.training.captions import with_derived
from gpu_endpoint.training.drive import Stretch
from gpu_endpoint.training.storyboard import Cue, Episode

SECONDS, EPISODE_S, WIDTH, HEIGHT = 600.0, 6.0, 320, 180
SIDE = 224  # what the pictures are kept at: large enough for a ViT-B-32
VERSION = 1

# What a drive may lack, with its share of the episodes where it is there.
TIMES = {"night": 0.2, "dusk": 0.1}
WEATHERS = {"rain": 0.12, "fog": 0.08, "snow": 0.08}
ROADS = {"city": 0.4, "highway": 0.3, "rural": 0.3}
THINGS = {
    "truck": 0.1,
    "bus": 0.08,
    "cyclist": 0.08,
    "deer": 0.05,
    "cone": 0.06,
    "light": 0.1,
    "stop": 0.06,
    "motorcycle": 0.05,
    "ambulance": 0.04,
    "crossing": 0.1,
    "red car": 0.1,
    "two trucks": 0.04,
}
OMITTED = 6  # of the optional parts, in each drive


@dataclass(frozen=True)
class Timeline:
    """One drive, a frame a second. Shapes: pictures (n, SIDE, SIDE, 3)."""

    name: str
    pictures: NDArray[np.uint8]
    facts: Sequence[frozenset[str]]
    times_s: Sequence[float]


def timeline(seed: int) -> Timeline:
    """Rendered once and kept under build/."""
    folder = BUILD / "timelines"
    kept = folder / f"{seed}.v{VERSION}.npz"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _render(seed, kept)
    with np.load(kept) as file:
        facts = [frozenset(json.loads(str(line))) for line in file["facts"]]
        return Timeline(f"drive {seed}", file["pictures"], facts, file["times"].tolist())


def _render(seed: int, path: Path) -> None:
    pictures, facts, times = [], [], []
    for now, scene, image in drive.frames(_stretches(seed), 1.0):
        pictures.append(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)))
        facts.append(json.dumps(with_derived(scene.facts)))
        times.append(now)
    np.savez_compressed(path, pictures=np.stack(pictures), facts=np.array(facts), times=np.array(times))


def _stretches(seed: int) -> list[Stretch]:
    rng = random.Random(seed)
    lacking = set(rng.sample([*TIMES, *WEATHERS, *THINGS], OMITTED))
    stretches = []
    for number in range(round(SECONDS / EPISODE_S)):
        episode = _episode(rng, lacking)
        stage = drive._stage(episode, rng.getrandbits(16), WIDTH, HEIGHT)
        stretches.append(Stretch(episode, number * EPISODE_S, (number + 1) * EPISODE_S, stage))
    return stretches


def _episode(rng: random.Random, lacking: set[str]) -> Episode:
    time = _chosen(rng, TIMES, lacking, "day")
    weather = _chosen(rng, WEATHERS, lacking, "clear")
    road = rng.choices(list(ROADS), list(ROADS.values()))[0]
    things = [name for name, share in THINGS.items() if name not in lacking and rng.random() < share]
    # Nobody is meant to cross a motorway.
    things = [name for name in things if road == "city" or name not in ("crossing", "light", "stop")]
    cues = [cue for name in things for cue in _cues(rng, name)]
    if not cues and rng.random() < 0.6:
        cues = [_car(rng, rng.choice(("white", "black", "silver", "blue")))]
    speed = 0.4 if "crossing" in things else rng.uniform(4, 9)
    crosswalk = 9.0 if "crossing" in things else None
    return Episode(
        title=", ".join(things) or "driving", time=time, weather=weather, road=road, speed_mps=speed,
        cues=tuple(cues), crosswalk_m=crosswalk, seed=rng.getrandbits(16),
    )  # fmt: skip


def _chosen(rng: random.Random, shares: dict[str, float], lacking: set[str], otherwise: str) -> str:
    place = rng.random()
    for name, share in shares.items():
        place -= 0 if name in lacking else share
        if name not in lacking and place < 0:
            return name
    return otherwise


def _car(rng: random.Random, colour: str) -> Cue:
    u = rng.choice((-0.7, 0.0, 0.7))
    return Cue(kind="car", u=u, distance_m=rng.uniform(9, 16), closing_mps=0.3, variant=colour)


def _cues(rng: random.Random, name: str) -> list[Cue]:
    """Who comes by. A pedestrian who crosses stands at the kerb for two seconds first."""
    side = rng.choice((-1, 1))
    ahead = rng.uniform(9, 13)
    if name == "crossing":
        start, speed = side * 0.95, -side * 0.3
        waits = Cue(kind="pedestrian", u=start, distance_m=8.6, closing_mps=0.3, across_per_s=0.0)
        walks = Cue(kind="pedestrian", u=start, distance_m=8.6, closing_mps=0.3, across_per_s=speed,
                    enters_s=2.0, crossing=True)  # fmt: skip
        return [waits, walks] if rng.random() < 0.5 else [walks]
    if name == "two trucks":
        return [Cue(kind="truck", u=u, distance_m=ahead + 2 * i, closing_mps=0.3)
                for i, u in enumerate((-0.1, 0.75))]  # fmt: skip
    if name == "red car":
        return [_car(rng, "red")]
    kinds = {"deer": ("animal", "deer"), "ambulance": ("emergency", "ambulance"),
             "light": ("light", rng.choice(("red", "green")))}  # fmt: skip
    kind, variant = kinds.get(name, (name, ""))
    beside = kind in ("light", "stop", "cone", "animal", "cyclist")
    u = side * 0.8 if beside else rng.choice((0.0, 0.0, 0.75))
    view = "side" if kind == "cyclist" else "rear"
    return [Cue(kind=kind, u=u, distance_m=ahead, closing_mps=0.4, variant=variant, view=view)]
