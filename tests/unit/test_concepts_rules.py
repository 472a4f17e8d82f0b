"""What a confidence is, which frames make a moment, and what can be learnt from."""

import math

import pytest

from sightline.scenarios.concepts import rules
from sightline.scenarios.concepts.rules import Seen

pytestmark = pytest.mark.unit

SURE, UNSURE = 3.0, -3.0


def test_log_odds_of_nothing_are_even() -> None:
    assert rules.confidence(0.0, None) == 0.5
    assert rules.confidence(1000.0, None) == pytest.approx(1.0)
    assert rules.confidence(-1000.0, None) == pytest.approx(0.0, abs=1e-12)


def test_a_curve_is_followed_between_its_points_and_held_beyond_them() -> None:
    curve = {"x": [-1.0, 0.0, 2.0], "y": [0.1, 0.4, 0.8]}
    assert [rules.confidence(at, curve) for at in (-9, -1, -0.5, 1, 2, 9)] == pytest.approx(
        [0.1, 0.1, 0.25, 0.6, 0.8, 0.8]
    )


def test_frames_at_the_bar_make_moments_over_short_pauses() -> None:
    shown = [0, 1, 2, 4, 9, 10]
    frames = [Seen(float(at), SURE if at in shown else UNSURE) for at in range(12)]
    first, second = rules.hits_of(frames[::-1], bar=0.5, interval_s=1.0, curve=None)
    assert (first.start_s, first.end_s, second.start_s, second.end_s) == (0.0, 5.0, 9.0, 11.0)
    assert first.confidence == pytest.approx(1 / (1 + math.exp(-SURE)))


def test_the_surest_frame_is_the_peak_and_the_bar_counts() -> None:
    frames = [Seen(0.0, 0.5), Seen(1.0, 2.0), Seen(2.0, 1.0)]
    (hit,) = rules.hits_of(frames, bar=0.5, interval_s=1.0, curve=None)
    assert hit.peak_s == 1.0
    assert rules.hits_of(frames, bar=0.95, interval_s=1.0, curve=None) == []
    assert rules.hits_of([], bar=0.5, interval_s=1.0, curve=None) == []


def test_sparse_sampling_bridges_two_intervals() -> None:
    frames = [Seen(at, SURE) for at in (0.0, 20.0, 60.0)]
    assert len(rules.hits_of(frames, bar=0.5, interval_s=10.0, curve=None)) == 2


@pytest.mark.parametrize(
    ("yes", "no", "enough"), [(5, 2, True), (4, 50, False), (50, 1, False), (0, 0, False)]
)
def test_too_few_marks_teach_nothing(yes: int, no: int, enough: bool) -> None:
    assert (rules.why_not(yes, no) is None) is enough


def test_a_share_of_few_has_a_wide_range() -> None:
    """Wilson's interval; 8 of 10 from the tables of Brown, Cai & DasGupta 2001."""
    low, high = rules.wilson(8, 10)
    assert (low, high) == (pytest.approx(0.490, abs=0.001), pytest.approx(0.943, abs=0.001))
    assert rules.wilson(0, 0) == (0.0, 1.0)
    assert rules.wilson(5, 5)[1] == 1.0
    assert rules.wilson(80, 100)[0] > low


def test_frames_of_ten_seconds_are_one_stretch() -> None:
    assert rules.stretch_of("a", 3.0) == rules.stretch_of("a", 9.9) != rules.stretch_of("a", 10.0)
    assert rules.stretch_of("a", 3.0) != rules.stretch_of("b", 3.0)
