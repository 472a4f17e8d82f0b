"""What much of a workspace shows does not stand out from the other frames, because it is the other frames.

Relevance is judged by a null distribution fitted to the lower part of a sample (calibration.py), which holds
no matches only while most frames do not match. Whether they do is told from the other side. On each frame of
the sample the share of generic captions that describe it better than the question is a p-value, small where
the words hold (North, Curtis & Sham 2002); how many more are small than chance gives is the share of the
workspace that matches (one minus the share of true nulls: Storey 2002). From 0.3 on, a frame's relevance
is how often frames that score like it match: isotonic regression over the sample (Ayer et al. 1955; as a
calibration: Zadrozny & Elkan 2002). A taught concept says itself on which frames it holds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.vectors.calibration import MIN_SAMPLE, Curve

Vectors = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

# The words hold where at most so many captions do better: 3 %, 4 of 177. The customary 5 % took more for
# usual than is (`python -m benchmarks.usual`): half of the captions are of what no scene shows, and seldom
# do better.
LEVEL = 0.03
# The null is fitted to the lower 45 %. Of four questions that most frames match, three are seen to do so on
# at least three quarters of those (rendered drives 1 to 8): from 0.3 on, the fit may hold matches.
MUCH = 0.3


@dataclass(frozen=True, slots=True)
class Prevalent:
    """A question that describes much of a workspace. typical: score of a frame that does not match."""

    share: float
    curve: Curve
    typical: float


def described(scores: Vectors, *, captioned: Vectors) -> Bools:
    """On which frames of a sample the words hold.

    Shapes: scores (n,), of the question; captioned (n, captions), of the captions; (n,).
    """
    rivals = (captioned > scores[:, None]).sum(axis=1)
    return np.asarray(rivals + 1 <= LEVEL * (captioned.shape[1] + 1))


def prevalent(scores: Vectors, holds: Bools, *, by_chance: float = LEVEL) -> Prevalent | None:
    """None where it holds on few frames of a sample, or there are too few to tell.

    by_chance: share of the frames that do not match on which it holds all the same. Shapes: (n,) both.
    """
    if len(scores) < MIN_SAMPLE:
        return None
    share = (float(holds.mean()) - by_chance) / (1 - by_chance)
    if share < MUCH:
        return None
    order = np.argsort(scores)
    curve = Curve(tuple(scores[order].tolist()), tuple(_rising(holds[order].tolist())))
    others = scores[~holds]
    return Prevalent(share, curve, typical=float(others.mean() if len(others) else scores.min()))


def _rising(values: Iterable[float]) -> list[float]:
    """The closest sequence that never falls: what would fall is pooled with what comes before it."""
    pools: list[tuple[float, int]] = []
    for value in values:
        mean, size = float(value), 1
        while pools and pools[-1][0] >= mean:
            before, count = pools.pop()
            mean, size = (before * count + mean * size) / (count + size), count + size
        pools.append((mean, size))
    return [mean for mean, size in pools for _ in range(size)]
