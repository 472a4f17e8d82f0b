"""Pure decisions of a search: frames into moments, moments into pages."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from uuid import UUID

from sightline.scenarios.schemas import FrameHit, Moment

# Two sampled frames this far apart still show one moment, and two moments of a video lie further apart.
MIN_GAP_S = 2.0
# One frame is taken from each interval, wherever its key frame lies: neighbours are up to two apart.
GAP_INTERVALS = 2.0

# Frames ranked for a page: a moment is seldom one frame.
FRAMES_PER_MOMENT = 10
MIN_FRAMES, MAX_FRAMES = 200, 3200
DEEPER = 4

# A place in the order of moments: best score first, then by video and time.
Position = tuple[float, str, float]


def group_moments(hits: Iterable[FrameHit], *, typical_score: float) -> list[Moment]:
    """Frames grouped into moments, best first.

    A moment grows from its best frame while neighbours keep at least half of the peak's height over a typical
    frame (full width at half maximum); frames within the gap around it are then part of no other (temporal
    non-maximum suppression).
    """
    videos: dict[UUID, list[FrameHit]] = {}
    for hit in hits:
        videos.setdefault(hit.asset_id, []).append(hit)
    moments = [moment for frames in videos.values() for moment in _moments_of(frames, typical_score)]
    return sorted(moments, key=position)


def _moments_of(frames: Sequence[FrameHit], typical_score: float) -> list[Moment]:
    """The moments of one video."""
    frames = sorted(frames, key=lambda hit: (hit.time_s, -hit.score))
    times = [hit.time_s for hit in frames]
    gap_s = max(MIN_GAP_S, GAP_INTERVALS * frames[0].interval_s)
    free = [True] * len(frames)
    moments = []
    for place in sorted(range(len(frames)), key=lambda i: (-frames[i].score, times[i])):
        if not free[place]:
            continue
        first, last = _extent(frames, free, place, gap_s, typical_score)
        moments.append(_moment(frames, place, first, last))
        low = bisect_left(times, times[first] - gap_s)
        high = bisect_left(times, times[last] + gap_s)
        for index in range(low, high):
            free[index] = False
    return moments


def _extent(
    frames: Sequence[FrameHit], free: Sequence[bool], peak: int, gap_s: float, typical_score: float
) -> tuple[int, int]:
    """First and last frame around a peak that belong to it."""
    height = max(frames[peak].score - typical_score, 0.0)
    bar = frames[peak].score - height / 2

    def belongs(near: int, far: int) -> bool:
        close = abs(frames[near].time_s - frames[far].time_s) <= gap_s
        return close and free[far] and frames[far].score >= bar

    first = last = peak
    while first > 0 and belongs(first, first - 1):
        first -= 1
    while last < len(frames) - 1 and belongs(last, last + 1):
        last += 1
    return first, last


def _moment(frames: Sequence[FrameHit], peak: int, first: int, last: int) -> Moment:
    """A frame stands for the interval that begins with it."""
    hit = frames[peak]
    end_s = frames[last].time_s + hit.interval_s
    if hit.duration_s is not None:
        end_s = max(min(end_s, hit.duration_s), frames[last].time_s)
    return Moment(peak=hit, start_s=frames[first].time_s, end_s=end_s)


def position(moment: Moment) -> Position:
    """Where a moment stands among all: the same for the same frame, on every page."""
    return (-moment.peak.score, str(moment.peak.asset_id), moment.peak.time_s)


def page_of(moments: Sequence[Moment], *, after: Position | None, limit: int) -> tuple[list[Moment], bool]:
    """The moments after a position, and whether more follow."""
    rest = [moment for moment in moments if after is None or position(moment) > after]
    return rest[:limit], len(rest) > limit


def frames_for(limit: int) -> int:
    """How many frames to rank at first for a page of so many moments."""
    return max(MIN_FRAMES, FRAMES_PER_MOMENT * limit)


def deeper(frames: int) -> int:
    """How many to rank next, when those made too few moments."""
    return min(frames * DEEPER, MAX_FRAMES)
