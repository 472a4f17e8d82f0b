"""What a score is worth: how far a frame stands out or, of what is usual here, how surely it shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sightline.scenarios.chains import in_words
from sightline.scenarios.collapse import ALIKE
from sightline.scenarios.composed import Direction, Vector, as_array
from sightline.scenarios.legs import only_a_picture
from sightline.scenarios.schemas import FrameHit, SearchRequest
from sightline.vectors.background import Ground
from sightline.vectors.calibration import Background, Curve, relevances
from sightline.vectors.prevalence import Prevalent, described, prevalent


@dataclass(frozen=True, slots=True)
class Worth:
    """Of a question of one step.

    usual: where it describes much of the workspace. same: score from which a frame looks the same as the
    picture that is asked for, and is relevant however many others do.
    """

    null: Background
    usual: Prevalent | None = None
    same: float | None = None

    @classmethod
    def of(cls, request: SearchRequest, step: Direction, *, ground: Ground, bank: Vector | None) -> Self:
        """bank: what the model makes of generic captions, where it is known."""
        scores = ground.background @ as_array(step.vector)
        null = Background.of(scores.tolist())
        if step.scale is not None and step.bias is not None:
            return cls(null, prevalent(scores, step.scale * scores + step.bias >= 0, by_chance=0.0))
        if bank is not None and in_words(request):
            return cls(null, prevalent(scores, described(scores, captioned=ground.captioned(bank))))
        return cls(null, same=ALIKE if only_a_picture(request) else None)

    @property
    def typical(self) -> float:
        """Score of a frame that does not match."""
        return self.usual.typical if self.usual else self.null.centre

    def of_hits(self, hits: Sequence[FrameHit], *, searched: int) -> dict[float, float]:
        """Relevance by score, of frames in any order."""
        scores = sorted((hit.score for hit in hits), reverse=True)
        if self.usual:
            return {score: self.usual.curve.relevance(score) for score in scores}
        shares = relevances(scores, background=self.null, searched=searched)
        return {score: self._at_least(score, share) for score, share in zip(scores, shares, strict=True)}

    def curve(self, histogram: NDArray[np.float64]) -> Curve:
        """Relevance of any frame. histogram: as Curve.of()."""
        if self.usual:
            return self.usual.curve
        curve = Curve.of(histogram, background=self.null)
        return Curve(curve.scores, tuple(map(self._at_least, curve.scores, curve.shares)))

    def looks_the_same(self, score: float) -> bool:
        """Whether a frame of this score is, to the eye, the picture that is asked for."""
        return self.same is not None and score >= self.same

    def _at_least(self, score: float, share: float) -> float:
        return 1.0 if self.looks_the_same(score) else share
