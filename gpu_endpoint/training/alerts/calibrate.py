"""Temperatures that make confidences mean what they say, and how well they then do.

Source: Guo et al. 2017 (arXiv:1706.04599), for both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from gpu_endpoint.models.spans import TagScheme, log_chances
from gpu_endpoint.training.alerts.states import TAGS, StateSet

GRID = np.round(np.geomspace(0.4, 4.0, 47), 3)
BINS = 10
Floats = npt.NDArray[np.float32]


def best_temperature(cost: Callable[[float], float]) -> float:
    """The one of the grid that costs least."""
    return float(min(GRID, key=cost))


def entity_temperature(logits: Sequence[Floats], alerts: StateSet, joints: Sequence[list[int]]) -> float:
    """By which the confidence of a whole entity is right as often as it says, on validation templates."""
    scheme = TagScheme(TAGS)
    truth = [
        true_spans(scheme, alerts.tags[alerts.starts[row] : alerts.starts[row + 1]])
        for row in range(len(alerts))
    ]

    def cost(temperature: float) -> float:
        sure, right = [], []
        for said, true, joint in zip(logits, truth, joints, strict=True):
            for span in scheme.spans(log_chances(said, temperature), joint):
                sure.append(span.confidence)
                right.append((span.first, span.last, span.label) in true)
        return binary_loss(np.array(sure), np.array(right))

    return best_temperature(cost)


def true_spans(scheme: TagScheme, tags: npt.NDArray[np.int64]) -> set[tuple[int, int, str]]:
    """(first token, last token, label) of the true tags."""
    certain = np.full((len(tags), len(TAGS)), -1e4, np.float32)
    certain[np.arange(len(tags)), tags] = 0
    return {(span.first, span.last, span.label) for span in scheme.spans(certain)}


def binary_loss(sure: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    """Mean log loss."""
    clipped = np.clip(sure, 1e-4, 1 - 1e-4)
    return float(-np.mean(np.where(right, np.log(clipped), np.log(1 - clipped))))


def class_temperature(logits: Floats, truth: npt.NDArray[np.int64]) -> float:
    """By which the true class is likeliest, on validation templates."""
    rows = np.arange(len(truth))
    return best_temperature(lambda temperature: -float(log_chances(logits, temperature)[rows, truth].mean()))


def calibration_error(sure: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error: in ten bins, how far confidence lies from the share that is right."""
    confidence, correct = np.asarray(sure, float), np.asarray(right, float)
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [
        abs(confidence[place == one].mean() - correct[place == one].mean()) * (place == one).mean()
        for one in range(BINS)
        if (place == one).any()
    ]
    return float(sum(gaps))
