"""Teaching: a calibrated linear classifier from a few marked frames, and how good it is on frames held out.

Logistic regression on standardised vectors. Frames that nobody marked are taken for negatives where they
score high (hard negative mining, Felzenszwalb et al. 2010, "Object detection with discriminatively trained
part-based models"), at a low weight because some of them may well show the concept. Confidence by Platt
scaling (Platt 1999, with his smoothed targets) or, from a thousand marks on, isotonic regression (Zadrozny &
Elkan 2002), both fitted to scores of frames that were held out.

Needs scikit-learn, which only the function that trains carries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from threadpoolctl import threadpool_limits

from sightline.scenarios.concepts.rules import wilson
from sightline.scenarios.concepts.stacking import Mix

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

# Regularisation, for features of unit variance over sqrt(dim). On real driving footage 0.5 to 5 differ by
# 0.01 in average precision; on compositions ("cone and barrier") 0.1 loses 0.2.
STRENGTH = 1.0
FOLDS = 5
# Mined in each round, for each frame marked yes; together they weigh a fifth of those. On real driving
# footage that adds 0.02 in average precision to 20 yes and 3 no, and takes nothing from 20 and 20.
MINED_PER_YES, MINED_WEIGHT, ROUNDS = 2, 0.2, 2
# Below this, isotonic regression follows the sample's noise.
# Source: https://scikit-learn.org/stable/modules/calibration.html
ISOTONIC_FROM = 1000
ISOTONIC_STEPS = 50
SEED = 7


@dataclass(frozen=True, slots=True)
class Marked:
    """What was marked, and the concept's own words where the model gave them.

    groups: frames of one stretch share one. Shapes: vectors (n, dim), yes (n,), words (dim,).
    """

    vectors: Floats
    yes: Bools
    groups: Sequence[str]
    words: Floats | None = None

    @property
    def cosines(self) -> Floats:
        """Of each frame with the words; all alike where there are none."""
        return np.zeros(len(self.yes)) if self.words is None else self.vectors @ self.words


@dataclass(frozen=True, slots=True)
class Line:
    """A classifier: weights @ frame + bias. Shapes: weights (dim,)."""

    weights: Floats
    bias: float

    def __call__(self, vectors: Floats) -> Floats:
        return vectors @ self.weights + self.bias


@dataclass(frozen=True, slots=True)
class Taught:
    """sigmoid(line) is the confidence; `curve` sharpens it where there were marks enough."""

    line: Line
    curve: dict[str, list[float]] | None
    metrics: dict[str, Any]


def teach(marked: Marked, background: Floats) -> Taught:
    """Learns from what was marked. Shapes: background (n, dim): frames nobody marked, none near a yes."""
    # Matrices this small are faster on one thread, and a busy machine makes two wait for each other.
    with threadpool_limits(1):
        return _teach(marked, background)


def _teach(marked: Marked, background: Floats) -> Taught:
    scale = _Scale.of(np.concatenate([background, marked.vectors]))
    folds, by = _folds(marked)
    scores, fold_of = np.zeros(len(marked.yes)), np.zeros(len(marked.yes), int)
    for number, (learn, judge) in enumerate(folds):
        line = _mine_and_fit(marked.vectors[learn], marked.yes[learn], background, scale)
        scores[judge], fold_of[judge] = line(marked.vectors[judge]), number
    line, mix = _mine_and_fit(marked.vectors, marked.yes, background, scale), _mix(marked, scores)
    mixed = mix(scores, marked.cosines)
    slope, shift = _platt(mixed, marked.yes)
    calibrated = Line(slope * _mixed_weights(line, mix, marked), slope * mix.line * line.bias + shift)
    metrics = _metrics(_held_out(marked, scores, fold_of), marked.yes)
    metrics |= {"folds": len(folds), "folds_by": by, "background": len(background), "words_share": mix.share}
    if len(background):
        metrics["alarm_share"] = float(np.mean(calibrated(background) >= 0))
    return Taught(calibrated, _isotonic(mixed * slope + shift, marked.yes), metrics)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Centre and spread of each dimension."""

    centre: Floats
    spread: Floats

    @classmethod
    def of(cls, vectors: Floats) -> "_Scale":
        spread = (vectors.std(0) + 1e-3) * np.sqrt(vectors.shape[1])
        return cls(vectors.mean(0), spread)

    def to(self, vectors: Floats) -> Floats:
        return (vectors - self.centre) / self.spread

    def back(self, weights: Floats, bias: float) -> Line:
        """A line over scaled frames as one over plain frames."""
        plain = weights / self.spread
        return Line(plain, bias - float(plain @ self.centre))


def _mine_and_fit(vectors: Floats, yes: Bools, background: Floats, scale: _Scale) -> Line:
    line = _fit(vectors, yes, background[:0], scale)
    for _ in range(ROUNDS if len(background) else 0):
        line = _fit(vectors, yes, _hard(line, vectors[yes], background), scale)
    return line


def _hard(line: Line, shown: Floats, background: Floats) -> Floats:
    """The best of the background that score below all marked yes: whatever scores higher may be a match."""
    scores = line(background)
    candidates = np.flatnonzero(scores < line(shown).min())
    best = candidates[np.argsort(-scores[candidates], kind="stable")]
    return background[best[: MINED_PER_YES * len(shown)]]


def _fit(vectors: Floats, yes: Bools, mined: Floats, scale: _Scale) -> Line:
    """Yes and no weigh the same in sum, however many there are of each."""
    everything = scale.to(np.concatenate([vectors, mined]))
    labels = np.concatenate([yes, np.zeros(len(mined), bool)])
    weights = np.ones(len(labels))
    weights[len(yes) :] = MINED_WEIGHT * yes.sum() / max(len(mined), 1)
    for side in (labels, ~labels):
        weights[side] *= len(yes) / 2 / weights[side].sum()
    fitted = LogisticRegression(C=STRENGTH, max_iter=1000).fit(everything, labels, sample_weight=weights)
    return scale.back(fitted.coef_[0], float(fitted.intercept_[0]))


def _folds(marked: Marked) -> tuple[list[tuple[NDArray[Any], NDArray[Any]]], str]:
    """Stratified, and by stretch where there are enough: neighbours nearly repeat each other."""
    groups, yes = np.asarray(marked.groups), marked.yes
    stretches = min(len(set(groups[yes])), len(set(groups[~yes])), FOLDS)
    if stretches >= 2:
        splitter = StratifiedGroupKFold(stretches, shuffle=True, random_state=SEED)
        folds = list(splitter.split(groups, yes, groups))
        if all(0 < yes[learn].sum() < len(learn) for learn, _ in folds):
            return folds, "stretch"
    frames = min(int(yes.sum()), int((~yes).sum()), FOLDS)
    plain = StratifiedKFold(frames, shuffle=True, random_state=SEED)
    return list(plain.split(groups, yes)), "frame"


def _platt(scores: Floats, yes: Bools) -> tuple[float, float]:
    """Slope and shift that turn scores into log odds. Source: Platt 1999, targets of section 2.2."""
    ups, downs = int(yes.sum()), int((~yes).sum())
    target = np.where(yes, (ups + 1) / (ups + 2), 1 / (downs + 2))
    # Each frame as a yes and as a no, weighted by its target: logistic regression with soft labels. Both
    # sides weigh the same, since how many were marked says nothing about how common the concept is.
    side = np.where(yes, len(yes) / 2 / ups, len(yes) / 2 / downs)
    twice = np.concatenate([scores, scores])[:, None]
    labels = np.repeat([True, False], len(scores))
    weights = np.concatenate([target * side, (1 - target) * side])
    fitted = LogisticRegression(C=1e6, max_iter=1000).fit(twice, labels, sample_weight=weights)
    # A classifier that is no better than chance stays one that ranks the right way round.
    return max(float(fitted.coef_[0][0]), 1e-3), float(fitted.intercept_[0])


def _mix(marked: Marked, scores: Floats, those: Bools | None = None) -> Mix:
    """How much the words count, by all marked frames or by those."""
    chosen = np.ones(len(scores), bool) if those is None else those
    if marked.words is None:
        return Mix()
    return Mix.of(scores[chosen], marked.cosines[chosen], marked.yes[chosen])


def _mixed_weights(line: Line, mix: Mix, marked: Marked) -> Floats:
    plain = mix.line * line.weights
    return plain if marked.words is None else plain + mix.words * marked.words


def _held_out(marked: Marked, scores: Floats, fold_of: NDArray[Any]) -> Floats:
    """Log odds of each frame, by a mix and a calibration that have not seen its fold."""
    log_odds, yes = np.zeros(len(scores)), marked.yes
    for fold in np.unique(fold_of):
        rest = fold_of != fold
        judges = rest if 0 < yes[rest].sum() < rest.sum() else np.ones(len(yes), bool)
        mixed = _mix(marked, scores, judges)(scores, marked.cosines)
        slope, shift = _platt(mixed[judges], yes[judges])
        log_odds[~rest] = mixed[~rest] * slope + shift
    return log_odds


def _isotonic(log_odds: Floats, yes: Bools) -> dict[str, list[float]] | None:
    if len(yes) < ISOTONIC_FROM:
        return None
    side = np.where(yes, 0.5 / yes.sum(), 0.5 / (~yes).sum())
    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(log_odds, yes, side)
    points = np.quantile(log_odds, np.linspace(0, 1, ISOTONIC_STEPS))
    return {"x": points.round(5).tolist(), "y": fitted.predict(points).round(5).tolist()}


def _metrics(scores: Floats, yes: Bools) -> dict[str, Any]:
    """On frames that were held out, at a confidence of one half."""
    confidences = 1 / (1 + np.exp(-scores))
    said = confidences >= 0.5
    right, told, shown = int((said & yes).sum()), int(said.sum()), int(yes.sum())
    precision, recall = right / told if told else 0.0, right / shown
    return {
        "yes": shown,
        "no": int((~yes).sum()),
        "precision": precision,
        "precision_range": wilson(right, told),
        "recall": recall,
        "recall_range": wilson(right, shown),
        "f1": 2 * precision * recall / (precision + recall) if right else 0.0,
        "average_precision": float(average_precision_score(yes, scores)),
        "auc": float(roc_auc_score(yes, scores)),
        "brier": float(np.mean((confidences - yes) ** 2)),
    }
