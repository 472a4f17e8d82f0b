"""When words describe what they found, told beside captions that describe it too."""

import numpy as np
import pytest

from sightline.vectors.calibration import Background
from sightline.vectors.captions import Fit, captions, fit_of, margins_of, novelty_of

pytestmark = pytest.mark.unit


def _fit(*, rivals: float, height: float, novelty: float = 0.1) -> Fit:
    return Fit(rivals=rivals, captions=177, height=height, novelty=novelty)


def test_standing_out_at_all_is_enough_where_no_caption_does_better() -> None:
    assert _fit(rivals=0, height=0.5).margin > 0


def test_the_more_captions_do_better_the_further_it_must_stand_out() -> None:
    margins = [_fit(rivals=rivals, height=4.0).margin for rivals in (0, 2, 5, 20, 80)]
    assert margins == sorted(margins, reverse=True)
    assert (margins[0] > 0, margins[-1] > 0) == (True, False)


def test_parts_of_a_long_question_do_not_deny_it() -> None:
    # GIVEN "a pedestrian" and "a crosswalk" describe a frame better than both words together do
    assert _fit(rivals=2, height=3.9).margin > 0
    assert _fit(rivals=30, height=3.9).margin < 0


def test_the_further_a_question_is_from_all_captions_the_further_it_must_stand_out() -> None:
    novelties = (0, 0.02, 0.05, 0.3, 0.6)
    margins = [_fit(rivals=8, height=4.0, novelty=novelty).margin for novelty in novelties]
    assert margins == sorted(margins, reverse=True)
    assert (margins[0] > 0, margins[-1] > 0) == (True, False)
    # AND a long question, which is like no caption, is no worse off than one that says a little more
    assert margins[-1] == margins[-2]


def test_novelty_is_the_distance_to_the_nearest_caption() -> None:
    bank = np.array([[0.6, 0.8], [0.0, 1.0]], np.float32)
    assert novelty_of(np.array([1.0, 0.0], np.float32), bank) == pytest.approx(0.4)
    assert novelty_of(bank[1], bank) == 0


def test_rivals_are_counted_over_the_best_frames() -> None:
    question, frames = np.array([1.0, 0.0], np.float32), np.array([[0.8, 0.6], [1.0, 0.0]], np.float32)
    bank = np.array([[0.6, 0.8], [0.0, 1.0]], np.float32)
    null = Background(centre=0.1, spread=0.2, size=100)
    fit = fit_of(question, frames, bank=bank, null=null, captioned=np.zeros((1, 2), np.float32))
    # the first frame lies nearer to one caption, the second to none
    assert (fit.rivals, fit.below) == (0.5, 0.75)
    assert fit.height == pytest.approx((0.9 - 0.1) / 0.2)


def test_a_frame_alone_has_the_margin_that_it_would_have_as_the_best_of_a_search() -> None:
    random = np.random.default_rng(3)
    question, frames, bank = (random.standard_normal(shape) for shape in (8, (6, 8), (20, 8)))
    null = Background(centre=0.3, spread=0.7, size=100)
    alone = [
        fit_of(question, frame[None], bank=bank, null=null, captioned=frames @ bank.T).margin
        for frame in frames
    ]
    assert margins_of(question, frames, bank=bank, null=null) == pytest.approx(alone)


def test_the_rival_that_is_named_fits_these_frames_and_not_all() -> None:
    # GIVEN captions of which the first fits every frame, more or less, and the third this one alone
    bank = np.array([[0.9, 0.3, 0.4], [0.0, 0.9, 0.0], [0.2, 0.0, 0.9]])
    background = np.array([[1, -1, 0], [1, 1, 0.1], [1, -1, 0.2], [1, 1, 0.3]])
    question, frame = np.array([0.5, 0.0, 0.3]), np.array([[1.0, 0.0, 1.0]])
    null = Background(centre=0.5, spread=0.1, size=100)
    fit = fit_of(question, frame, bank=bank, null=null, captioned=background @ bank.T)
    assert (fit.rivals, fit.rival) == (2, captions()[2])
    # AND the question itself is no rival
    alone = fit_of(question, frame, bank=question[None], null=null, captioned=background[:, :1])
    assert alone.rival == ""
