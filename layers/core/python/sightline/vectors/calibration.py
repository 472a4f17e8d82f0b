"""Relevance: what a score means, judged against the workspace's own frames.

A cosine says little: 0.31 may be the best match there is, or noise, depending on the query. The scores of a
background sample show how this query scores frames that do not match (the null distribution); relevance is
one minus the false discovery rate: of the frames that score at least this high, the share that chance does
not explain. It holds for rare matches (one frame in a thousand, far out in the tail) and for common ones (a
third of the frames, not so far out), and says that nothing stands out when nothing does.

Source: Benjamini & Hochberg 1995 (step-up rule); Efron 2004, "Large-scale simultaneous hypothesis testing:
the choice of a null hypothesis" (null fitted to the part of the sample where no matches lie).
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, linear_regression

import numpy as np
from numpy.typing import NDArray

# The null is fitted to this part of the sample: matches score high, so the lower half is free of them, and
# the lowest few frames are outliers of their own kind.
FIT_FROM, FIT_TO = 0.05, 0.45
# The fit's standard error is about 1.5 / sqrt(n) of the spread; the far tail punishes a spread that is too
# small. Simulated without matches: relevance > 0.9 in 5-8 % of searches with this margin, 17-25 % without.
MARGIN = 1.5
# Below this many background frames two quantiles are noise, and nothing is claimed.
MIN_SAMPLE = 16
# Cosines of halfvecs are no finer than this; a spread below it is rounding, not information.
MIN_SPREAD = 1e-3

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Background:
    """How this query scores frames that do not match it."""

    centre: float
    spread: float
    size: int

    @classmethod
    def of(cls, scores: Sequence[float]) -> "Background":
        """Fits the null to the lower half of a sample: a line through its quantile-quantile plot."""
        if len(scores) < MIN_SAMPLE:
            return cls(centre=0.0, spread=MIN_SPREAD, size=len(scores))
        expected, seen = zip(*lower_half(sorted(scores)), strict=True)
        slope, centre = linear_regression(expected, seen)
        spread = max(slope, MIN_SPREAD) * (1 + MARGIN / math.sqrt(len(scores)))
        return cls(centre=centre, spread=spread, size=len(scores))

    def z(self, score: float) -> float:
        """How many spreads above the typical frame."""
        return (score - self.centre) / self.spread

    def tail(self, score: float) -> float:
        """Chance that a frame which does not match scores this high."""
        return 0.5 * math.erfc(self.z(score) / math.sqrt(2))


@dataclass(frozen=True, slots=True)
class Curve:
    """Relevance as a function of score, over all frames that were searched; both rise together."""

    scores: tuple[float, ...]
    shares: tuple[float, ...]

    @classmethod
    def of(cls, histogram: NDArray[np.float64], *, background: Background) -> "Curve":
        """Shapes: histogram (buckets, 2), the lower edge and the frames of each, highest first."""
        if not len(histogram) or background.size < MIN_SAMPLE:
            return cls((), ())
        reached = np.cumsum(histogram[:, 1])
        tails = np.array([background.tail(score) for score in histogram[:, 0]])
        # Step-up from below: a frame is at least as relevant as those that score less.
        shares = 1.0 - np.minimum.accumulate((reached[-1] * tails / reached)[::-1])
        return cls(tuple(histogram[::-1, 0].tolist()), tuple(np.clip(shares, 0.0, 1.0).tolist()))

    def relevance(self, score: float) -> float:
        """Of a frame with this score."""
        place = bisect_right(self.scores, score) - 1
        return self.shares[place] if place >= 0 else 0.0

    def floor(self, relevance: float) -> float | None:
        """The lowest score that is so relevant; None when no frame's is."""
        place = bisect_left(self.shares, relevance)
        return self.scores[place] if place < len(self.scores) else None


def lower_half(ordered: Sequence[float]) -> list[tuple[float, float]]:
    """(where a normal distribution has it, score) for the part of a sample that the null is fitted to."""
    n = len(ordered)
    levels = ((rank + 0.5) / n for rank in range(n))
    return [
        (_NORMAL.inv_cdf(level), score)
        for level, score in zip(levels, ordered, strict=True)
        if FIT_FROM <= level <= FIT_TO
    ]


def relevances(scores: Sequence[float], *, background: Background, searched: int) -> list[float]:
    """Relevance 0..1 of the best frames of a search over `searched` frames; both in order, best first."""
    if background.size < MIN_SAMPLE:
        return [0.0] * len(scores)
    answers: list[float] = []
    lowest = 1.0
    for rank in range(len(scores), 0, -1):
        by_chance = searched * background.tail(scores[rank - 1])
        lowest = min(lowest, by_chance / rank)
        answers.append(1.0 - lowest)
    return answers[::-1]
