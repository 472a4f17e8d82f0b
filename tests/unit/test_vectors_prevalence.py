"""What much of a workspace shows is told by captions, and how surely a frame shows it by its score."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.vectors.calibration import MIN_SAMPLE
from sightline.vectors.prevalence import MUCH, Prevalent, described, prevalent

pytestmark = pytest.mark.unit

CAPTIONS = 100


def told(scores: list[float], *, captions: float = 0.5) -> Prevalent | None:
    """A question that scores so on a sample, beside captions that all score the same."""
    sample = np.array(scores, np.float32)
    captioned = np.full((len(scores), CAPTIONS), captions, np.float32)
    return prevalent(sample, described(sample, captioned=captioned))


def test_the_share_is_that_of_frames_which_few_captions_describe_better() -> None:
    # GIVEN three quarters of the frames; 3 % of any may seem to match by chance
    usual = told([0.7] * 75 + [0.3] * 25)
    assert usual is not None
    assert usual.share == pytest.approx((0.75 - 0.03) / 0.97)
    assert usual.typical == pytest.approx(0.3)
    assert (usual.curve.relevance(0.7), usual.curve.relevance(0.3)) == (1.0, 0.0)


@pytest.mark.parametrize("matching", [0, 1, 30])
def test_what_few_frames_show_is_not_usual(matching: int) -> None:
    assert told([0.7] * matching + [0.3] * (100 - matching)) is None


def test_a_few_frames_tell_nothing() -> None:
    assert told([0.7] * (MIN_SAMPLE - 1)) is None
    assert told([0.7] * MIN_SAMPLE) is not None


@given(scores=st.lists(st.floats(0, 1, width=16), min_size=MIN_SAMPLE, max_size=200), level=st.floats(0, 1))
def test_a_higher_score_is_never_less_relevant(scores: list[float], level: float) -> None:
    usual = told(scores, captions=level)
    if usual is not None:
        shares = [usual.curve.relevance(score) for score in sorted(scores)]
        assert shares == sorted(shares)
        assert MUCH <= usual.share <= 1
        assert 0 <= shares[0] <= shares[-1] <= 1
