"""How good a ranking is: precision of the first ten, and area under the ROC curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpu_endpoint.training.captions import with_derived
from gpu_endpoint.training.palette import Floats

TOP = 10


@dataclass(frozen=True)
class Query:
    """A text and the facts that make a scene an answer to it."""

    text: str
    facts: list[str]


@dataclass(frozen=True)
class Outcome:
    """One query's result: matching scenes in all, their share, and the share among the first ten."""

    text: str
    matching: int
    prevalence: float
    precision: float


def relevant(scenes: list[list[str]], facts: list[str]) -> NDArray[np.bool_]:
    """Which scenes hold all the facts."""
    wanted = set(facts)
    return np.array([wanted <= set(with_derived(known)) for known in scenes])


def rank(queries: list[Query], texts: Floats, pictures: Floats, scenes: list[list[str]]) -> list[Outcome]:
    """Each query's outcome; queries that fewer than TOP scenes could answer are left out."""
    outcomes = []
    for query, vector in zip(queries, texts, strict=True):
        matches = relevant(scenes, query.facts)
        if matches.sum() < TOP:
            continue
        first = np.argsort(-(pictures @ vector), kind="stable")[:TOP]
        share = float(matches[first].mean())
        outcomes.append(Outcome(query.text, int(matches.sum()), float(matches.mean()), share))
    return outcomes


@dataclass(frozen=True)
class Area:
    """Area under the ROC curve, its 95 % interval, frames with and without, and clips."""

    value: float
    low: float
    high: float
    ones: int
    zeros: int
    clips: int


def area_over_clips(
    scores: Floats, positive: NDArray[np.bool_], clips: NDArray[np.str_], *, draws: int = 1000
) -> Area:
    """The area, with an interval from whole clips drawn with replacement (Efron 1979).

    Frames of one clip are alike, so frames drawn one by one would give too narrow an interval.
    """
    names, rng = np.unique(clips), np.random.default_rng(0)
    rows_of = [np.flatnonzero(clips == name) for name in names]
    areas = []
    for _ in range(draws):
        rows = np.concatenate([rows_of[i] for i in rng.integers(0, len(names), len(names))])
        if 0 < positive[rows].sum() < len(rows):
            areas.append(area_under_roc(scores[rows], positive[rows]))
    low, high = np.percentile(areas, (2.5, 97.5))
    ones = int(positive.sum())
    whole = area_under_roc(scores, positive)
    return Area(whole, float(low), float(high), ones, len(positive) - ones, len(names))


def area_under_roc(scores: Floats, positive: NDArray[np.bool_]) -> float:
    """The chance that a positive scores above a negative; ties count half."""
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    for value in np.unique(scores):
        tied = scores == value
        ranks[tied] = ranks[tied].mean()
    ones = int(positive.sum())
    zeros = len(scores) - ones
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))
