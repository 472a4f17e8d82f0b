"""Long alerts: their windows see what the whole text shows, and twice the text is twice the work."""

import random
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_endpoint.models.alert_entities import Item, finish
from gpu_endpoint.models.alert_features import Marks
from gpu_endpoint.models.alert_rules import find_certain
from gpu_endpoint.models.spans import Span
from gpu_endpoint.models.taken import Taken
from tests.steps import steps

pytestmark = pytest.mark.unit

LINE = "[P2] web-03.internal v1.2.3 / HTTP 503 INC00123 in eu-west-1 / from 10.9.8.7: ConnectionError 95%\n"


def pieces(text: str) -> list[tuple[int, int]]:
    """Three characters each."""
    return [(start, min(start + 3, len(text))) for start in range(0, len(text), 3)]


def test_a_window_sees_what_the_whole_text_shows() -> None:
    marks, offsets = Marks(LINE * 20), pieces(LINE * 20)
    whole = marks.features(offsets)
    assert whole.any(axis=0).sum() > 40
    for first in range(0, len(offsets), 100):
        assert np.array_equal(marks.features(offsets[first : first + 150]), whole[first : first + 150])


def windows(text: str) -> list[Item]:
    """Of 200 pieces, 30 of which the next one has too."""
    offsets = pieces(text)
    parts = [offsets[first : first + 200] for first in range(0, len(offsets), 170)]
    marks = Marks(text)
    return [Item([0] * len(part), part, marks.features(part), [0] * len(part), 0) for part in parts]


def found_everywhere(items: list[Item]) -> list[list[Span]]:
    """The worst that a model could say: each piece is an entity."""
    return [[Span(place, place, "service", 0.5) for place in range(len(item.offsets))] for item in items]


@pytest.mark.parametrize(
    "work",
    [
        find_certain,
        windows,
        lambda text: finish([text], items := windows(text), found_everywhere(items)),
    ],
)
@pytest.mark.parametrize("line", [LINE, "v1.1 1.1.1.1 ", "P2 / ", "INC001 "])
def test_twice_the_text_is_twice_the_work(work: Callable[[str], object], line: str) -> None:
    text = line * (1200 // len(line))
    assert steps(lambda: work(text + text)) < 2.3 * steps(lambda: work(text))


@given(st.randoms(use_true_random=False))
def test_what_is_taken_is_apart(randoms: random.Random) -> None:
    taken, kept = Taken(), list[tuple[int, int]]()
    for _ in range(60):
        start = randoms.randrange(100)
        end = start + randoms.randint(1, 6)
        free = all(end <= other[0] or start >= other[1] for other in kept)
        assert taken.take(start, end) == free
        kept += [(start, end)] if free else []
    assert all(one[1] <= other[0] for one, other in pairwise(sorted(kept)))
