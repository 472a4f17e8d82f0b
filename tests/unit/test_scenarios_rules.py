"""Frames become moments: the same ones in whatever order they come, never two on one stretch of time."""

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.scenarios.rules import deeper, frames_for, group_moments, page_of, position
from sightline.scenarios.schemas import FrameHit, Moment, MomentRules

pytestmark = pytest.mark.unit

TYPICAL = 0.2


def hit(
    time_s: float, score: float, *, video: int = 1, interval_s: float = 1.0, duration_s: float | None = None
) -> FrameHit:
    """One found frame."""
    return FrameHit(
        asset_id=UUID(int=video),
        asset_name=f"video {video}",
        interval_s=interval_s,
        duration_s=duration_s,
        time_s=time_s,
        score=score,
        ranked=True,
        tile=int(time_s) % 60,
        object_key="sheets/0.jpg",
        columns=8,
        tile_width=448,
        tile_height=256,
    )


def spans(moments: Sequence[Moment]) -> list[tuple[float, float, float]]:
    return [(moment.start_s, moment.peak.time_s, moment.end_s) for moment in moments]


Hits = st.lists(
    st.tuples(st.integers(0, 120), st.floats(-1, 1), st.integers(1, 3)),
    max_size=80,
    unique_by=lambda t: t[::2],
).map(lambda rows: [hit(float(time_s), score, video=video) for time_s, score, video in rows])


def test_neighbours_above_half_the_peak_are_one_moment() -> None:
    scores = [0.2, 0.21, 0.35, 0.5, 0.42, 0.34, 0.22]
    moments = group_moments([hit(float(i), score) for i, score in enumerate(scores)], typical_score=TYPICAL)
    assert spans(moments)[0] == (2.0, 3.0, 5.0)


def test_two_peaks_with_a_valley_between_are_two_moments() -> None:
    scores = [0.5, 0.48, 0.2, 0.21, 0.2, 0.44, 0.45]
    moments = group_moments([hit(float(i), score) for i, score in enumerate(scores)], typical_score=TYPICAL)
    assert spans(moments)[:2] == [(0.0, 0.0, 2.0), (5.0, 6.0, 7.0)]


def test_a_long_stretch_that_matches_is_one_moment() -> None:
    moments = group_moments([hit(float(i), 0.5 + i % 3 / 100) for i in range(600)], typical_score=TYPICAL)
    assert spans(moments) == [(0.0, 2.0, 600.0)]


def test_a_missing_frame_does_not_split_a_moment_but_a_pause_does() -> None:
    moments = group_moments([hit(float(i), 0.5) for i in (0, 1, 3, 4, 9, 10)], typical_score=TYPICAL)
    assert spans(moments) == [(0.0, 0.0, 5.0), (9.0, 9.0, 11.0)]


def test_a_coarser_sampling_widens_the_gap() -> None:
    frames = [hit(float(i) * 10, 0.5, interval_s=10.0) for i in range(3)]
    assert spans(group_moments(frames, typical_score=TYPICAL)) == [(0.0, 0.0, 30.0)]


def test_a_moment_ends_with_its_video() -> None:
    assert group_moments([hit(9.0, 0.5, duration_s=9.4)], typical_score=TYPICAL)[0].end_s == 9.4
    assert group_moments([hit(9.0, 0.5, duration_s=8.9)], typical_score=TYPICAL)[0].end_s == 9.0


def test_videos_do_not_mix_and_the_best_comes_first() -> None:
    frames = [hit(0.0, 0.4, video=1), hit(1.0, 0.5, video=2), hit(2.0, 0.45, video=1)]
    moments = group_moments(frames, typical_score=TYPICAL)
    assert [moment.peak.asset_id.int for moment in moments] == [2, 1]


def test_frames_below_the_typical_score_are_still_answered() -> None:
    frames = [hit(float(i * 5), 0.1 - i / 100) for i in range(3)]
    assert len(group_moments(frames, typical_score=TYPICAL)) == 3


@given(frames=Hits)
def test_moments_hold_their_peak_and_keep_their_distance(frames: list[FrameHit]) -> None:
    moments = group_moments(frames, typical_score=TYPICAL)
    assert (not frames) == (not moments)
    for moment in moments:
        assert moment.start_s <= moment.peak.time_s < moment.end_s
    for video in (1, 2, 3):
        own = sorted((m.start_s, m.end_s) for m in moments if m.peak.asset_id.int == video)
        for (_, before_end), (after_start, _) in pairwise(own):
            assert after_start - (before_end - 1.0) >= MomentRules().min_gap_s


@given(frames=Hits, seed=st.integers(0, 100))
def test_the_order_of_the_frames_changes_nothing(frames: list[FrameHit], seed: int) -> None:
    shuffled = frames.copy()
    Random(seed).shuffle(shuffled)
    assert group_moments(shuffled, typical_score=TYPICAL) == group_moments(frames, typical_score=TYPICAL)


@given(frames=Hits, limit=st.integers(1, 7))
def test_pages_hold_every_moment_once(frames: list[FrameHit], limit: int) -> None:
    moments = group_moments(frames, typical_score=TYPICAL)
    seen: list[Moment] = []
    more = bool(moments)
    while more:
        page, more = page_of(moments, after=position(seen[-1]) if seen else None, limit=limit)
        assert 0 < len(page) <= limit
        seen += page
    assert seen == moments


def test_more_moments_are_sought_among_more_frames() -> None:
    assert (frames_for(10), frames_for(100)) == (200, 1000)
    assert [deeper(200), deeper(800), deeper(3200)] == [800, 3200, 3200]
