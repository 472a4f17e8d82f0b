"""Temperatures and calibration error, on answers whose certainty is known."""

from __future__ import annotations

import numpy as np
import pytest

from gpu_endpoint.models.spans import log_chances
from gpu_endpoint.training.alerts.calibrate import calibration_error, class_temperature

pytestmark = pytest.mark.unit


def test_a_temperature_undoes_false_certainty() -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(size=(4000, 4)).astype(np.float32) * 1.5
    chances = np.exp(log_chances(honest))
    truth = np.array([rng.choice(4, p=row / row.sum()) for row in chances.astype(float)])
    assert class_temperature(honest * 3, truth) == pytest.approx(3, rel=0.12)
    assert class_temperature(honest, truth) == pytest.approx(1, rel=0.12)


def test_the_calibration_error_is_the_gap_between_claim_and_truth() -> None:
    assert calibration_error([0.8] * 10, [True] * 8 + [False] * 2) == pytest.approx(0)
    assert calibration_error([0.95] * 10, [True] * 5 + [False] * 5) == pytest.approx(0.45)
    assert calibration_error([1.0] * 4 + [0.1] * 4, [True] * 4 + [False] * 4) == pytest.approx(0.05)
