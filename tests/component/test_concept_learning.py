"""Learning itself, on frames made of numbers: what it finds, and whether its figures are true."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sightline.scenarios.concepts import rules
from sightline.scenarios.concepts.learning import ISOTONIC_FROM, Marked, Taught, teach

pytestmark = pytest.mark.component

DIM = 32


def frames(n: int, *, shows: bool, seed: int, strength: float = 1.0) -> NDArray[Any]:
    """Unit vectors: what all have in common, noise, and for those that show it one direction more."""
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((n, DIM)) / np.sqrt(DIM)
    vectors[:, 0] += 1.0
    vectors[:, 1] += strength if shows else 0.0
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def taught(
    yes: int,
    no: int,
    *,
    background: int = 300,
    strength: float = 1.0,
    seed: int = 0,
    words: NDArray[Any] | None = None,
) -> Taught:
    vectors = np.concatenate(
        [frames(yes, shows=True, seed=seed, strength=strength), frames(no, shows=False, seed=seed + 1)]
    )
    marked = Marked(vectors, np.arange(yes + no) < yes, [str(i) for i in range(yes + no)], words)
    return teach(marked, frames(background, shows=False, seed=seed + 2))


def confidences(made: Taught, vectors: NDArray[Any]) -> NDArray[Any]:
    return np.array([rules.confidence(float(odds), made.curve) for odds in made.line(vectors)])


def test_it_tells_frames_apart_that_it_has_not_seen() -> None:
    made = taught(20, 20)
    assert np.mean(confidences(made, frames(400, shows=True, seed=9)) >= 0.5) > 0.85
    assert np.mean(confidences(made, frames(400, shows=False, seed=10)) >= 0.5) < 0.15
    assert (made.metrics["folds"], made.metrics["folds_by"], made.curve) == (5, "stretch", None)


def test_its_figures_are_those_of_frames_it_has_not_seen() -> None:
    """Over many draws, held-out precision and recall agree with what new frames give."""
    told, true = [], []
    for seed in range(0, 60, 3):
        made = taught(20, 20, strength=0.6, seed=seed)
        yes = confidences(made, frames(300, shows=True, seed=900 + seed, strength=0.6)) >= 0.5
        no = confidences(made, frames(300, shows=False, seed=1900 + seed)) >= 0.5
        told.append((made.metrics["precision"], made.metrics["recall"]))
        true.append((yes.sum() / max(yes.sum() + no.sum(), 1), yes.mean()))
    assert np.abs(np.mean(told, 0) - np.mean(true, 0)).max() < 0.1


def test_noise_is_said_to_be_noise() -> None:
    made = taught(20, 20, strength=0.0)
    assert made.metrics["auc"] < 0.8
    assert made.metrics["precision_range"][0] < 0.6


def test_negatives_are_mined_where_few_were_marked() -> None:
    """Two no's teach little; the workspace's own frames keep it from saying yes to everything."""
    alone = taught(20, 2, background=0)
    mined = taught(20, 2)
    others = frames(500, shows=False, seed=77)
    assert np.mean(confidences(mined, others) >= 0.5) <= np.mean(confidences(alone, others) >= 0.5)
    assert "alarm_share" not in alone.metrics
    assert mined.metrics["alarm_share"] < 0.2


def test_a_mark_in_each_of_two_places_is_enough_and_one_place_is_said_to_flatter() -> None:
    vectors = np.concatenate([frames(6, shows=True, seed=1), frames(6, shows=False, seed=2)])
    yes = np.arange(12) < 6
    one_place = teach(Marked(vectors, yes, ["a"] * 6 + ["b"] * 6), frames(50, shows=False, seed=3))
    assert one_place.metrics["folds_by"] == "frame"
    few = teach(
        Marked(vectors[[0, 1, 2, 3, 4, 6, 7]], yes[[0, 1, 2, 3, 4, 6, 7]], list("abcdefg")), vectors[:0]
    )
    assert (few.metrics["yes"], few.metrics["no"]) == (5, 2)


def test_a_thousand_marks_are_calibrated_by_isotonic_regression() -> None:
    made = taught(ISOTONIC_FROM // 2, ISOTONIC_FROM // 2, strength=0.5)
    assert made.curve is not None
    assert made.curve["x"] == sorted(made.curve["x"])
    assert made.curve["y"] == sorted(made.curve["y"])
    # Of frames of which it says 60 to 80 %, that share shows it.
    both = np.concatenate(
        [frames(2000, shows=True, seed=50, strength=0.5), frames(2000, shows=False, seed=51)]
    )
    sure = confidences(made, both)
    band = (sure > 0.6) & (sure < 0.8)
    assert band.sum() > 100
    assert np.mean(np.arange(4000)[band] < 2000) == pytest.approx(0.7, abs=0.1)


def test_the_same_marks_teach_the_same() -> None:
    first, again = taught(12, 12), taught(12, 12)
    assert np.array_equal(first.line.weights, again.line.weights)
    assert first.metrics == again.metrics


def test_words_count_as_far_as_marks_held_out_bear_them_out() -> None:
    shown, others = frames(300, shows=True, seed=91, strength=0.4), frames(300, shows=False, seed=92)
    area, share = {}, {}
    for name, words in (("none", None), ("right", np.eye(DIM)[1]), ("wrong", np.eye(DIM)[5])):
        made = [taught(8, 8, strength=0.4, seed=seed, words=words) for seed in range(0, 30, 3)]
        area[name] = np.mean([one.line(shown)[:, None] > one.line(others) for one in made])
        share[name] = np.mean([one.metrics["words_share"] for one in made])
    assert area["right"] > area["none"] + 0.03, "few marks and the right words teach more than marks alone"
    assert area["wrong"] > area["none"] - 0.03, "words that mean nothing here do little harm"
    assert share["none"] == 0 <= share["wrong"] < share["right"] < 1
