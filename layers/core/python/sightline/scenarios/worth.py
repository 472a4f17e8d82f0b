"""What a score is worth: how far a frame stands out or, of what is usual here, how surely it shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sightline.scenarios.chains import in_words
from sightline.scenarios.composed import Direction, Vector, as_array
from sightline.scenarios.schemas import FrameHit, SearchRequest
from sightline.vectors.background import Ground
from sightline.vectors.calibration import Background, Curve, relevances
from sightline.vectors.prevalence import Prevalent, described, prevalent


@dataclass(frozen=True, slots=True)
class Worth:
    """Of a question of one step. usual: where it describes much of the workspace."""

    null: Background
    usual: Prevalent | None

    @classmethod
    def of(cls, request: SearchRequest, step: Direction, *, ground: Ground, bank: Vector | None) -> Self:
        """bank: what the model makes of generic captions, where it is known."""
        scores = ground.background @ as_array(step.vector)
        usual = None
        if step.scale is not None and step.bias is not None:
            usual = prevalent(scores, step.scale * scores + step.bias >= 0, by_chance=0.0)
        elif bank is not None and in_words(request):
            usual = prevalent(scores, described(scores, captioned=ground.captioned(bank)))
        return cls(Background.of(scores.tolist()), usual)

    @property
    def typical(self) -> float:
        """Score of a frame that does not match."""
        return self.usual.typical if self.usual else self.null.centre

    def of_hits(self, hits: Sequence[FrameHit], *, searched: int) -> dict[float, float]:
        """Relevance by score, of frames in any order."""
        scores = sorted((hit.score for hit in hits), reverse=True)
        if self.usual:
            return {score: self.usual.curve.relevance(score) for score in scores}
        return dict(zip(scores, relevances(scores, background=self.null, searched=searched), strict=True))

    def curve(self, histogram: NDArray[np.float64]) -> Curve:
        """Relevance of any frame. histogram: as Curve.of()."""
        return self.usual.curve if self.usual else Curve.of(histogram, background=self.null)
