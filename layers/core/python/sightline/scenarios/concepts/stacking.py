"""What a concept's own words add to its marks: a second opinion, weighed on marked frames held out.

Twenty marks of one street teach the street as well as the pedestrian in it; words know no street. How much
each is worth is learnt from scores of frames that the classifier had not seen (Wolpert 1992, "Stacked
generalization"), with no weight below zero (Breiman 1996, "Stacked regressions").
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]


# One-sided 95 %: of words that say nothing about the marks, one in twenty is let in.
SURE = 1.645


def tells_apart(cosines: Floats, yes: Bools) -> bool:
    """Whether words tell the marks apart better than chance. Source: Mann & Whitney 1947 (the null)."""
    ups, downs = int(yes.sum()), int((~yes).sum())
    area = np.mean(cosines[yes][:, None] > cosines[~yes])
    return bool(area >= 0.5 + SURE * np.sqrt((ups + downs + 1) / (12 * ups * downs)))


@dataclass(frozen=True, slots=True)
class Mix:
    """What the classifier's score and the words' cosine are multiplied by; share: of the words, 0 to 1."""

    line: float = 1.0
    words: float = 0.0
    share: float = 0.0

    @classmethod
    def of(cls, scores: Floats, cosines: Floats, yes: Bools) -> "Mix":
        """Shapes: scores of frames held out (n,), cosines (n,), yes (n,)."""
        if not tells_apart(cosines, yes):
            return cls()
        spreads = np.array([scores.std(), cosines.std()]) + 1e-9
        both = np.stack([scores, cosines], axis=1) / spreads
        fitted = LogisticRegression(C=1.0, class_weight="balanced", max_iter=1000).fit(both, yes)
        line, words = np.maximum(fitted.coef_[0], 0.0)
        if line + words == 0:
            return cls()
        return cls(float(line / spreads[0]), float(words / spreads[1]), float(words / (line + words)))

    def __call__(self, scores: Floats, cosines: Floats) -> Floats:
        return self.line * scores + self.words * cosines
