"""Relevance: what a score means, judged against the workspace's own frames.

A cosine says little: 0.31 may be the best match there is, or noise, depending on the query. The scores of a
background sample show how this query scores frames that do not match (the null distribution); relevance is
one minus the false discovery rate: of the frames that score at least this high, the share that chance does
not explain. It holds for rare matches (one frame in a thousand, far out in the tail) and for common ones (a third
of the frames, not so far out), and says that nothing stands out when nothing does.

Source: Benjamini & Hochberg 1995 (step-up rule); Efron 2004, "Large-scale simultaneous hypothesis testing:
the choice of a null hypothesis" (null fitted to the part of the sample where no matches lie).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

# The null is fitted on these two quantiles: matches score high, so the lower half is free of them.
LOW, MIDDLE = 0.10, 0.40
# Below this many background frames two quantiles are noise, and nothing is claimed.
MIN_SAMPLE = 16
# Cosines of halfvecs are no finer than this; a spread below it is rounding, not information.
MIN_SPREAD = 1e-3

_NORMAL = NormalDist()
_Z_LOW, _Z_MIDDLE = _NORMAL.inv_cdf(LOW), _NORMAL.inv_cdf(MIDDLE)


@dataclass(frozen=True, slots=True)
class Background:
    """How this query scores frames that do not match it."""

    centre: float
    spread: float
    size: int

    @classmethod
    def of(cls, scores: Sequence[float]) -> "Background":
        """Fits the null to a sample of scores, robust to the matches in it."""
        if not scores:
            return cls(centre=0.0, spread=MIN_SPREAD, size=0)
        ordered = sorted(scores)
        low, middle = quantile(ordered, LOW), quantile(ordered, MIDDLE)
        spread = max((middle - low) / (_Z_MIDDLE - _Z_LOW), MIN_SPREAD)
        return cls(centre=middle - _Z_MIDDLE * spread, spread=spread, size=len(ordered))

    def z(self, score: float) -> float:
        """How many spreads above the typical frame."""
        return (score - self.centre) / self.spread

    def tail(self, score: float) -> float:
        """Chance that a frame which does not match scores this high."""
        return 0.5 * math.erfc(self.z(score) / math.sqrt(2))


def quantile(ordered: Sequence[float], level: float) -> float:
    """Linear interpolation between the two nearest ranks."""
    place = level * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


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
