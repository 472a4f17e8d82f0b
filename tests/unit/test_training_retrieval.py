"""The figures themselves: precision of the first ten and area under the ROC curve."""

from __future__ import annotations

import numpy as np
import pytest

from gpu_endpoint.training.retrieval import Query, area_over_clips, area_under_roc, rank

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


def test_the_interval_over_clips_holds_the_area_and_is_wide_where_clips_differ() -> None:
    rng = np.random.default_rng(3)
    clips = np.repeat(np.array(["a", "b", "c", "d"]), 50)
    positive = np.tile(np.arange(50) < 25, 4)
    alike = (positive + rng.normal(0, 1, 200)).astype(np.float32)
    turned = np.where(clips == "a", -alike, alike)  # one clip is ranked the wrong way round
    for scores, widest in ((alike, 0.2), (turned, 1.0)):
        area = area_over_clips(scores, positive, clips)
        assert area.low <= area.value <= area.high
        assert area.high - area.low < widest
        assert (area.ones, area.zeros, area.clips) == (100, 100, 4)
    narrow, wide = (area_over_clips(scores, positive, clips) for scores in (alike, turned))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
