"""Relevance means the same whatever the scale of a query's scores, and claims nothing without grounds."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.vectors.calibration import MIN_SAMPLE, Background, relevances

pytestmark = pytest.mark.unit

Scores = st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=MIN_SAMPLE, max_size=200)


def frames(*, seed: int, plain: int, matching: int = 0, lift: float = 4.0) -> list[float]:
    """Scores of plain frames around 0.2 +- 0.03, and of matching ones `lift` spreads higher."""
    random = Random(seed)
    scores = [random.gauss(0.2, 0.03) for _ in range(plain)]
    return scores + [random.gauss(0.2 + lift * 0.03, 0.03) for _ in range(matching)]


def best(scores: list[float], n: int = 200) -> list[float]:
    return sorted(scores, reverse=True)[:n]


@given(scores=Scores)
def test_relevance_is_a_share_and_never_rises_down_the_ranking(scores: list[float]) -> None:
    ranked = sorted(scores, reverse=True)
    shares = relevances(ranked, background=Background.of(scores), searched=len(scores))
    assert all(0 <= share <= 1 for share in shares)
    assert shares == sorted(shares, reverse=True)


@given(scores=Scores, factor=st.floats(0.5, 20), shift=st.floats(-3, 3))
def test_relevance_does_not_depend_on_the_scale_of_the_scores(
    scores: list[float], factor: float, shift: float
) -> None:
    spread = Background.of(scores).spread
    moved = [score * factor + shift for score in scores]
    if spread < 0.01:  # the floor on the spread is absolute, on purpose
        return
    before = relevances(best(scores), background=Background.of(scores), searched=len(scores))
    after = relevances(best(moved), background=Background.of(moved), searched=len(scores))
    assert after == pytest.approx(before, abs=1e-6)


@given(scores=Scores, more=st.integers(2, 1000))
def test_the_same_score_means_less_among_more_frames(scores: list[float], more: int) -> None:
    background, ranked = Background.of(scores), best(scores)
    few = relevances(ranked, background=background, searched=len(scores))
    many = relevances(ranked, background=background, searched=len(scores) * more)
    assert all(b <= a for a, b in zip(few, many, strict=True))


@pytest.mark.parametrize("plain", [60, 1000, 5000])
def test_where_nothing_matches_one_search_in_ten_says_ninety_percent(plain: int) -> None:
    top = []
    for seed in range(40):
        scores = frames(seed=seed, plain=plain)
        background = Background.of(Random(seed).sample(scores, min(500, plain)))
        top += relevances(best(scores), background=background, searched=plain)[:1]
    assert sum(share > 0.9 for share in top) <= 7
    assert sum(share > 0.5 for share in top) <= 20


@pytest.mark.parametrize("share", [0.005, 0.05, 0.2, 0.35])
def test_matches_are_relevant_whether_rare_or_common(share: float) -> None:
    matching = int(4000 * share)
    scores = frames(seed=1, plain=4000 - matching, matching=matching, lift=5.0)
    background = Background.of(Random(1).sample(scores, 500))
    shares = relevances(best(scores, 20), background=background, searched=4000)
    assert min(shares) > 0.8


def test_too_small_a_background_claims_nothing() -> None:
    background = Background.of([0.1] * (MIN_SAMPLE - 1))
    assert relevances([0.9, 0.5], background=background, searched=15) == [0.0, 0.0]
    assert relevances([0.9], background=Background.of([]), searched=0) == [0.0]


def test_frames_that_all_score_alike_do_not_stand_out() -> None:
    shares = relevances([0.5] * 30, background=Background.of([0.5] * 30), searched=30)
    assert max(shares) < 0.6


def test_the_null_is_that_of_the_frames_that_do_not_match() -> None:
    background = Background.of(frames(seed=3, plain=4000, matching=400))
    assert background.centre == pytest.approx(0.2, abs=0.01)
    assert background.spread == pytest.approx(0.03, rel=0.2)
