"""Twenty marked frames beside a question in words, on real footage: `python -m benchmarks.concepts`.

Marks are frames of some clips, chosen by labels that people made; both ways then rank the frames of the
other clips, which the concept has not seen. A concept is taught by marks alone, and with its words for a
description. Each attribute is measured in both directions (clips swapped) where both have frames enough, with
several draws of marks. Needs ../shared/data/driving.
"""

import argparse
import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.plain import SIDE, load_model
from benchmarks.report import BUILD, machine, spread, table, verdict
from gpu_endpoint.training.bundled import HEAD_FILE, IMAGE_FILE, WEIGHTS
from sightline.scenarios.concepts import rules
from sightline.scenarios.concepts.learning import Line, Marked, teach

DRIVING = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "driving"
INTERVAL_S = 0.5
# Marked yes, and as many no: twenty frames in all, and forty.
MARKS, SEEDS = (10, 20), 8
LEAST = 8
"""Fewer frames than this on one side make no draw, and no figure."""
Bools = NDArray[np.bool_]
Vector = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Frames:
    """Every frame with its clip and time. Shapes: vectors (n, dim)."""

    vectors: NDArray[Any]
    clips: NDArray[Any]
    times_s: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Attribute:
    """What is looked for: wordings a person may try, the frames that show it, those that were judged."""

    wordings: Sequence[str]
    shown: Bools
    judged: Bools


@dataclass(frozen=True, slots=True)
class Score:
    """Average precision and area under the ROC curve."""

    ap: float
    auc: float

    @classmethod
    def of(cls, scores: NDArray[Any], shown: Bools) -> "Score":
        return cls(float(average_precision_score(shown, scores)), float(roc_auc_score(shown, scores)))


def read_frames(model: Any) -> Frames:
    """A frame every half second of every clip, as the endpoint prepares it."""
    clips, times_s, pictures = [], [], []
    for path in sorted((DRIVING / "videos").glob("*.mp4")):
        with av.open(str(path)) as container:
            due = 0.0
            for frame in container.decode(video=0):
                if frame.time + 1e-6 < due:
                    continue
                small = Image.fromarray(frame.to_ndarray(format="rgb24")).resize(
                    (SIDE, SIDE), Image.Resampling.BICUBIC
                )
                clips.append(path.name)
                times_s.append(frame.time)
                pictures.append(np.asarray(small))
                due += INTERVAL_S
    return Frames(model.embed_pictures(np.stack(pictures)), np.array(clips), np.array(times_s))


def attributes(frames: Frames) -> dict[str, Attribute]:
    """Scenes by clip; people and cars by the share of pixels that CamVid's labels give them."""
    rows = csv.DictReader((DRIVING / "groundtruth_camvid.csv").open())
    shares = {(row["video"], round(float(row["time_s"]) / INTERVAL_S)): row for row in rows}
    steps = [round(at / INTERVAL_S) for at in frames.times_s]
    found = [shares.get((clip, step)) for clip, step in zip(frames.clips, steps, strict=True)]
    labelled = np.array([row is not None for row in found])
    everything = np.ones(len(found), bool)

    def more(column: str, share: float) -> Bools:
        return np.array([row is not None and float(row[column]) > share for row in found])

    def clip(*parts: str) -> Bools:
        return np.array([any(part in name for part in parts) for name in frames.clips])

    return {
        "city": Attribute(
            ("a city street", "driving in the city", "a street between buildings"), clip("camvid"), everything
        ),
        "highway": Attribute(
            ("a highway", "driving on the freeway", "on a motorway"),
            clip("seattlestreet2", "night", "rainy", "carnd"),
            everything,
        ),
        "rural": Attribute(
            ("a country road", "rural road", "on a country road"), clip("countryroad", "desert"), everything
        ),
        "pedestrian": Attribute(
            ("a pedestrian", "people walking", "pedestrian crossing the street"),
            more("Pedestrian", 0.01),
            labelled,
        ),
        "car near": Attribute(("a car ahead", "a car", "cars on the road"), more("Car", 0.05), labelled),
    }  # fmt: skip


def halves(attribute: Attribute, clips: NDArray[Any]) -> Iterator[tuple[Bools, Bools]]:
    """Frames to mark among, and frames of other clips to rank; then the other way round."""
    shown = sorted(set(clips[attribute.shown & attribute.judged]))
    others = sorted(set(clips[attribute.judged]) - set(shown))
    for half in (0, 1):
        mark = np.isin(clips, [*shown[half::2], *others[half::2]]) & attribute.judged
        rank = ~np.isin(clips, list(set(clips[mark]))) & attribute.judged
        sides = (mark & attribute.shown, mark & ~attribute.shown, rank & attribute.shown)
        enough = min(side.sum() for side in sides)
        if enough >= LEAST:
            yield mark, rank


def taught(
    frames: Frames, attribute: Attribute, mark: Bools, *, marks: int, seed: int, words: Vector | None = None
) -> Line:
    """A concept from so many frames that show it and as many that do not, and from its words."""
    random = np.random.default_rng(seed)
    yes = random.permutation(np.flatnonzero(mark & attribute.shown))[:marks]
    no = random.permutation(np.flatnonzero(mark & ~attribute.shown))[:marks]
    chosen = np.concatenate([yes, no])
    near = {
        i
        for i in np.flatnonzero(mark)
        for j in yes
        if frames.clips[i] == frames.clips[j]
        and abs(frames.times_s[i] - frames.times_s[j]) <= rules.NEAR_YES_S
    }
    rest = [i for i in np.flatnonzero(mark) if i not in near and i not in set(chosen)]
    groups = [rules.stretch_of(frames.clips[i], frames.times_s[i]) for i in chosen]
    marked = Marked(frames.vectors[chosen], attribute.shown[chosen], groups, words)
    return teach(marked, frames.vectors[rest]).line


def main() -> None:
    """Embeds, teaches, ranks, prints."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    if not DRIVING.exists():
        raise SystemExit(f"needs real footage in {DRIVING}")
    print(machine())
    model = load_model(BUILD / "models")
    frames = read_frames(model)
    rows, means = [], []
    for name, attribute in attributes(frames).items():
        results = measured(frames, attribute, model)
        rows.append([name, *(_cell(found) for found in results.values())])
        means.append({way: np.mean([one.ap for one in found]) for way, found in results.items()})
    weights = hashlib.sha256((WEIGHTS / IMAGE_FILE).read_bytes() + (WEIGHTS / HEAD_FILE).read_bytes())
    print(f"weights {weights.hexdigest()[:12]}")
    print(
        f"\n{len(frames.vectors)} frames of {len(set(frames.clips))} clips, {SEEDS} draws for each direction;"
    )
    print("average precision (range) / area under the ROC curve\n")
    print(table(["looked for", *means[0]], rows))
    overall = {way: float(np.mean([one[way] for one in means])) for way in means[0]}
    told = ", ".join(f"{way} {value:.3f}" for way, value in overall.items())
    print(f"\nmean average precision: {told}")
    for marks in MARKS:
        way = _worded(marks)
        beaten = verdict(f"{way}: better than text on average", held=overall[way] > overall["text"])
        worse = [row[0] for row, one in zip(rows, means, strict=True) if one[way] <= one["text"]]
        print(f"{beaten}; the words do better at: {', '.join(worse) or 'nothing'}")


def measured(frames: Frames, attribute: Attribute, model: Any) -> dict[str, list[Score]]:
    """Every way's scores over directions and draws."""
    results: dict[str, list[Score]] = {"text": [], "best of 3 wordings": []}
    results |= {way: [] for marks in MARKS for way in (_way(marks), _worded(marks))}
    for mark, rank in halves(attribute, frames.clips):
        shown = attribute.shown[rank]
        words = [frames.vectors[rank] @ model.embed_texts([text])[0] for text in attribute.wordings]
        told = [Score.of(scores, shown) for scores in words]
        results["text"].append(told[0])
        results["best of 3 wordings"].append(max(told, key=lambda score: score.ap))
        asked = model.embed_texts([attribute.wordings[0]])[0]
        for marks in MARKS:
            for seed in range(SEEDS):
                for way, told_words in ((_way(marks), None), (_worded(marks), asked)):
                    line = taught(frames, attribute, mark, marks=marks, seed=seed, words=told_words)
                    results[way].append(Score.of(line(frames.vectors[rank]), shown))
    return results


def _way(marks: int) -> str:
    return f"{marks} yes, {marks} no"


def _worded(marks: int) -> str:
    return f"{_way(marks)}, described"


def _cell(found: Sequence[Score]) -> str:
    auc = float(np.mean([score.auc for score in found]))
    return f"{spread([score.ap for score in found], digits=2)} / {auc:.2f}"


if __name__ == "__main__":
    main()
