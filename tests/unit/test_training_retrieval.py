"""The figures themselves: precision of the first ten and area under the ROC curve."""

from __future__ import annotations

import numpy as np
import pytest

from gpu_endpoint.training.retrieval import Query, area_under_roc, rank

pytestmark = pytest.mark.unit


def test_precision_counts_the_first_ten_only() -> None:
    scores = np.linspace(1, 0, 40, dtype=np.float32)[:, None]
    facts = [["car"] if index < 5 or index >= 30 else ["bus"] for index in range(40)]
    (outcome,) = rank([Query("car", ["car"])], np.ones((1, 1), np.float32), scores, facts)
    assert outcome.precision == 0.5
    assert outcome.matching == 15
    assert outcome.prevalence == 15 / 40


def test_queries_that_too_few_scenes_can_answer_are_left_out() -> None:
    pictures = np.ones((20, 1), np.float32)
    assert rank([Query("bus", ["bus"])], pictures[:1], pictures, [["bus"]] * 9 + [["car"]] * 11) == []


def test_area_under_roc_of_known_orders() -> None:
    positive = np.array([False, False, True, True])
    assert area_under_roc(np.array([1, 2, 3, 4], np.float32), positive) == 1.0
    assert area_under_roc(np.array([4, 3, 2, 1], np.float32), positive) == 0.0
    assert area_under_roc(np.zeros(4, np.float32), positive) == 0.5
    assert area_under_roc(np.array([1, 3, 2, 4], np.float32), positive) == 0.75
