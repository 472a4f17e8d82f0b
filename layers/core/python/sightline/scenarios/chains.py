"""What a chain of steps is worth: how it is ranked, and how relevant it is.

Spreads above a typical frame compare frames of one step, and not steps with each other: what a third of the
frames show stands out by two spreads, what is there once by eight, and the weakest step of a chain would
always be the common one. How a frame fares against captions (vectors/captions.py) compares across steps, so
that is what chains of steps in words are ranked and judged by. Other steps are judged by their backgrounds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sightline.database import Connection
from sightline.scenarios.collapse import Peak, frame_vectors, peak_of
from sightline.scenarios.composed import Direction, Vector, as_array
from sightline.scenarios.legs import only_words, steps_of
from sightline.scenarios.rules import position
from sightline.scenarios.schemas import Moment, SearchRequest
from sightline.scenarios.sequences import apart
from sightline.vectors.calibration import MIN_SAMPLE, Background, relevances
from sightline.vectors.captions import margins_of
from sightline.vectors.spaces import Space

# Of a chain whose weakest step has this margin, how likely it is right: a logistic regression on the ten best
# chains of 66 sequences on rendered drives 201 to 207, with an earlier model and bar. Of 720 on drives 1 to
# 12 as it is now, 5 % were right from -6 to -3, 11 % to -1.5, 28 % to 1.5, and 92 % above.
SLOPE, SHIFT = 0.81, 1.62
# A chain is the best of many pairs, and its weakest step stands for all: the verdict asks for more of it.
MARGIN = 1.0

Weighed = tuple[Moment, float]


def in_words(request: SearchRequest) -> bool:
    """Whether captions can be held against every step: pictures lie elsewhere in the space."""
    judged = bool(request.more or request.less)
    return not judged and all(only_words(step) for step in steps_of(request))


@dataclass(frozen=True, slots=True)
class Scales:
    """What a sequence's steps are measured by. Shapes: bank (captions, dim)."""

    steps: Sequence[Direction]
    nulls: Sequence[Background]
    bank: Vector | None

    def weigh(
        self, conn: Connection, moments: Sequence[Moment], *, space: Space, searched: int
    ) -> list[Weighed]:
        """Chains that do not overlap, each with its relevance, best first."""
        if self.bank is None or not moments or min(null.size for null in self.nulls) < MIN_SAMPLE:
            return self._by_background(apart(moments), searched)
        hits = {peak_of(hit): hit for moment in moments for hit in moment.steps}
        vectors = frame_vectors(conn, space=space, hits=list(hits.values()))
        margins = self._margins(vectors, self.bank)
        known = [moment for moment in moments if all(peak_of(hit) in vectors for hit in moment.steps)]
        ranked = sorted((_by_margin(moment, margins) for moment in known), key=position)
        return [(moment, likelihood(moment.rank)) for moment in apart(ranked)]

    def _margins(self, vectors: Mapping[Peak, Vector], bank: Vector) -> list[Mapping[Peak, float]]:
        """Of each step, every frame's."""
        frames = np.stack(list(vectors.values()))
        found = (
            margins_of(as_array(step.vector), frames, bank=bank, null=null)
            for step, null in zip(self.steps, self.nulls, strict=True)
        )
        return [dict(zip(vectors, margins.tolist(), strict=True)) for margins in found]

    def _by_background(self, moments: Sequence[Moment], searched: int) -> list[Weighed]:
        """A sequence is as relevant as the weakest of its steps, each judged by its own background."""
        worth = []
        for n, null in enumerate(self.nulls):
            scores = sorted((moment.steps[n].score for moment in moments), reverse=True)
            shares = relevances(scores, background=null, searched=searched)
            worth.append(dict(zip(scores, shares, strict=True)))
        return [
            (moment, min(worth[n][hit.score] for n, hit in enumerate(moment.steps))) for moment in moments
        ]


def _by_margin(moment: Moment, margins: Sequence[Mapping[Peak, float]]) -> Moment:
    """The weakest step is the peak, and what the chain is ranked by."""
    worth = [margins[n][peak_of(hit)] for n, hit in enumerate(moment.steps)]
    weakest = min(range(len(worth)), key=lambda n: worth[n])
    return replace(moment, peak=moment.steps[weakest], rank=worth[weakest])


def likelihood(margin: float) -> float:
    """How likely a chain is right."""
    return 1 / (1 + math.exp(-(SLOPE * margin + SHIFT)))
