"""Whether what much of a workspace shows is found, and nothing else: `python -m benchmarks.usual`.

Frames that share something make a workspace of their own, in which that is usual: those of a rendered drive
by night, on a highway, in the city by day (benchmarks/timelines.py), and real clips one by one and together.
The same questions are asked of each, by the code that answers POST /v1/search: what most of one workspace
shows, no frame of another does. Needs ../shared/data/driving for the real ones.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from benchmarks.concepts import DRIVING
from benchmarks.drive_workspaces import asked, database, embedded, embedder_of, index, new_workspace
from benchmarks.prompts import NOWHERE
from benchmarks.report import machine, table
from benchmarks.retrieval import DRIVES
from benchmarks.timelines import Timeline, timeline
from gpu_endpoint.training.bundled import MODEL_ID
from gpu_endpoint.training.footage import read_footage
from sightline.ports.inference import Embedder
from sightline.scenarios.schemas import SearchRequest

LEAST = 60  # frames of a drive that make a workspace; real ones are as short as they are
LEAST_REAL = 16
TIMES, ROADS = ("time:day", "time:night"), ("road:city", "road:highway", "road:rural")
SHARED = [
    *((fact,) for fact in (*TIMES, "time:dusk", "weather:rain", "weather:snow", "weather:fog", *ROADS)),
    *product(TIMES, ROADS),
]
# What is asked, and the facts that answer it.
QUESTIONS = {
    "daytime": "time:day", "a road by day": "time:day", "driving in daylight": "time:day",
    "a clear day": "time:day weather:clear", "nighttime": "time:night", "driving at night": "time:night",
    "a road at night": "time:night", "dusk": "time:dusk", "rain": "weather:rain",
    "driving in the rain": "weather:rain", "falling snow": "weather:snow", "a snowy road": "weather:snow",
    "fog": "weather:fog", "a foggy road": "weather:fog", "a city street": "road:city",
    "driving through the city": "road:city", "a city street in daylight": "road:city time:day",
    "a city street at night": "road:city time:night", "rain in the city": "road:city weather:rain",
    "a highway": "road:highway", "a motorway": "road:highway", "a highway by day": "road:highway time:day",
    "a highway at night": "road:highway time:night", "a country road": "road:rural",
    "a country road by day": "road:rural time:day",
} | {prompt.text: "nowhere" for prompt in NOWHERE}  # fmt: skip
# By ../shared/data/driving/groundtruth_videos.json; what cannot be said for sure has a question mark.
CLIPS = {
    "camvid": "time:day road:city weather:clear?",
    "carnd": "time:day road:highway weather:clear",
    "tmo324_countryroad": "time:day road:rural weather:clear",
    "tmo324_desert": "time:day road:rural weather:clear?",
    "tmo324_seattle": "time:day road:highway road:city? weather:clear?",
    "tmo324_night": "time:night road:highway",
    "tmo324_rainy": "weather:rain road:highway time:day? time:dusk?",
}


@dataclass
class Figures:
    """Of questions that at least half of the frames answer, that fewer do, and that none does."""

    asked: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("half", "some", "none"), 0))
    found: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("half", "some", "none"), 0))
    shown: int = 0
    right: int = 0

    def add(self, truth: NDArray[np.bool_], *, found: bool, peaks: Sequence[int]) -> None:
        """peaks: frames of the moments that reach the bar, of a question that was found."""
        kind = "none" if not truth.any() else "half" if truth.mean() >= 0.5 else "some"
        self.asked[kind] += 1
        self.found[kind] += found
        if kind == "half":
            self.shown += len(peaks)
            self.right += int(truth[list(peaks)].sum())

    def row(self, name: str) -> list[str]:
        """One line of the table."""
        said = [f"{self.found[kind]} of {self.asked[kind]}" for kind in self.asked]
        return [name, *said, f"{self.right} of {self.shown}"]


def stretches(
    drive: Timeline, vectors: NDArray[np.float32]
) -> Iterator[tuple[Timeline, NDArray[np.float32]]]:
    """A drive as a whole, and the frames that share something."""
    for shared in [(), *SHARED]:
        chosen = [place for place, facts in enumerate(drive.facts) if facts >= set(shared)]
        if len(chosen) >= LEAST:
            yield some(drive, chosen), vectors[chosen]


def clips(embedder: Embedder) -> Iterator[tuple[Timeline, NDArray[np.float32]]]:
    """Real clips, each alone where it is long enough, and all together."""
    real = read_footage(DRIVING)
    said = [_facts(str(clip)) for clip in real.clips]
    whole = Timeline("real", real.pictures, said, range(len(said)))
    vectors = embedded(whole, embedder)
    yield whole, vectors
    for clip in np.unique(real.clips):
        chosen = np.flatnonzero(real.clips == clip).tolist()
        if len(chosen) >= LEAST_REAL:
            yield some(whole, chosen), vectors[chosen]


def some(drive: Timeline, chosen: Sequence[int]) -> Timeline:
    """Some of its frames as a drive of their own."""
    return replace(
        drive,
        pictures=drive.pictures[list(chosen)],
        facts=[drive.facts[place] for place in chosen],
        times_s=range(len(chosen)),
    )


def _facts(clip: str) -> frozenset[str]:
    return frozenset(next(said for start, said in CLIPS.items() if clip.startswith(start)).split())


def truth_of(drive: Timeline, facts: str) -> NDArray[np.bool_] | None:
    """Which frames answer it; None where that cannot be said of all."""
    wanted = set(facts.split())
    sure = np.array([wanted <= held for held in drive.facts])
    maybe = np.array([wanted <= held | {fact.rstrip("?") for fact in held} for held in drive.facts])
    return sure if (sure == maybe).all() else None


def ask(figures: Figures, drive: Timeline, vectors: NDArray[np.float32], embedder: Embedder) -> None:
    """Every question, of one workspace."""
    principal = new_workspace()
    index(principal, drive, vectors, MODEL_ID)
    for text, facts in QUESTIONS.items():
        truth = truth_of(drive, facts)
        if truth is None:
            continue
        answer = asked(principal, SearchRequest(text=text), embedder)
        found, bar = answer.verdict.found, answer.verdict.bar
        peaks = [round(moment.peak_s) for moment in answer.moments if found and moment.relevance >= bar]
        figures.add(truth, found=found, peaks=peaks)


def main() -> None:
    """Renders what is not there yet, searches, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drives", type=int, nargs="+", default=DRIVES, help="their seeds")
    options = parser.parse_args()
    print(machine())
    embedder = embedder_of(None, MODEL_ID)
    rendered, real = Figures(), Figures()
    with database():
        for seed in options.drives:
            drive = timeline(seed)
            for part, vectors in stretches(drive, embedded(drive, embedder)):
                ask(rendered, part, vectors, embedder)
        if DRIVING.exists():
            for part, vectors in clips(embedder):
                ask(real, part, vectors, embedder)
    header = [
        "said to be found, of questions that", "half of the frames answer", "fewer do", "none does",
        "of the first, moments at the bar that are right",
    ]  # fmt: skip
    print(f"model {MODEL_ID}\n")
    print(table(header, [rendered.row("rendered drives in parts"), real.row("real footage")]))


if __name__ == "__main__":
    main()
