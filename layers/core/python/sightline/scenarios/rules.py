"""Pure decisions of a search: frames into moments, moments into pages."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sightline.scenarios.schemas import FrameHit, Moment, MomentRules

# One frame is taken from each interval, wherever its key frame lies: neighbours are up to two apart.
GAP_INTERVALS = 2.0

# Frames ranked for a page: a moment is seldom one frame.
FRAMES_PER_MOMENT = 10
MIN_FRAMES, MAX_FRAMES = 200, 3200
DEEPER = 4

# A place in the order of moments: best first, then by video and time.
Position = tuple[float, str, float]


@dataclass(frozen=True, slots=True)
class _Line:
    """One video's frames in order of time, with what each is worth after smoothing."""

    frames: Sequence[FrameHit]
    times: Sequence[float]
    scores: Sequence[float]
    gap_s: float


def group_moments(
    hits: Iterable[FrameHit], *, typical_score: float, rules: MomentRules | None = None
) -> list[Moment]:
    """Frames grouped into moments, best first.

    A moment grows from its best frame while neighbours keep at least half of the peak's height over a typical
    frame (full width at half maximum); frames within the gap around it are then part of no other (temporal
    non-maximum suppression).
    """
    rules = rules or MomentRules()
    videos: dict[UUID, list[FrameHit]] = {}
    for hit in hits:
        videos.setdefault(hit.asset_id, []).append(hit)
    moments = sorted(
        (moment for frames in videos.values() for moment in _moments_of(frames, typical_score, rules)),
        key=position,
    )
    return moments if rules.per_asset is None else _at_most(moments, rules.per_asset)


def _at_most(moments: Sequence[Moment], per_asset: int) -> list[Moment]:
    """The first few moments of each video."""
    seen: Counter[UUID] = Counter()
    kept = []
    for moment in moments:
        seen[moment.peak.asset_id] += 1
        if seen[moment.peak.asset_id] <= per_asset:
            kept.append(moment)
    return kept


def _moments_of(frames: Sequence[FrameHit], typical_score: float, rules: MomentRules) -> list[Moment]:
    """The moments of one video."""
    frames = sorted(frames, key=lambda hit: (hit.time_s, -hit.score))
    times = [hit.time_s for hit in frames]
    gap_s = max(rules.min_gap_s, GAP_INTERVALS * frames[0].interval_s)
    line = _Line(frames, times, smoothed(frames, rules.smooth_s, typical_score), gap_s)
    free = [True] * len(frames)
    moments = []
    for place in sorted(range(len(frames)), key=lambda i: (-line.scores[i], -frames[i].score, times[i])):
        if not free[place]:
            continue
        first, last = _extent(line, free, place, typical_score, rules.extent)
        moments.append(_moment(line, place, first, last))
        low = bisect_left(times, times[first] - gap_s)
        high = bisect_left(times, times[last] + gap_s)
        for index in range(low, high):
            free[index] = False
    return moments


def smoothed(frames: Sequence[FrameHit], smooth_s: float, typical_score: float) -> list[float]:
    """Scores averaged over their neighbours in time, nearer ones counting more (a triangle).

    A frame that is not among those found scored too low for that: it counts as a typical one.
    """
    if smooth_s <= 0:
        return [hit.score for hit in frames]
    times = [hit.time_s for hit in frames]
    reach = max(int(smooth_s / frames[0].interval_s), 0)
    full = 1 + 2 * sum(1 - step / (reach + 1) for step in range(1, reach + 1))
    scores = []
    for hit in frames:
        low, high = bisect_left(times, hit.time_s - smooth_s), bisect_right(times, hit.time_s + smooth_s)
        near = [
            (1 - abs(one.time_s - hit.time_s) / (smooth_s + hit.interval_s), one.score)
            for one in frames[low:high]
        ]
        weight = max(full, sum(part for part, _ in near))
        height = sum(part * (score - typical_score) for part, score in near)
        scores.append(typical_score + height / weight)
    return scores


def _extent(
    line: _Line, free: Sequence[bool], peak: int, typical_score: float, share: float
) -> tuple[int, int]:
    """First and last frame around a peak that belong to it."""
    scores, times = line.scores, line.times
    bar = typical_score + share * (scores[peak] - typical_score)
    if scores[peak] <= typical_score:
        bar = scores[peak]

    def belongs(near: int, far: int) -> bool:
        close = abs(times[near] - times[far]) <= line.gap_s
        return close and free[far] and scores[far] >= bar

    first = last = peak
    while first > 0 and belongs(first, first - 1):
        first -= 1
    while last < len(times) - 1 and belongs(last, last + 1):
        last += 1
    return first, last


def _moment(line: _Line, peak: int, first: int, last: int) -> Moment:
    """A frame stands for the interval that begins with it; what words added to a video, its moments keep."""
    frames, hit = line.frames, line.frames[peak]
    end_s = frames[last].time_s + hit.interval_s
    if hit.duration_s is not None:
        end_s = max(min(end_s, hit.duration_s), frames[last].time_s)
    rank = line.scores[peak] if hit.order in (0.0, hit.score) else hit.order
    return Moment(peak=hit, start_s=frames[first].time_s, end_s=end_s, rank=rank)


def position(moment: Moment) -> Position:
    """Where a moment stands among all: the same for the same frame, on every page."""
    return (-moment.rank, str(moment.peak.asset_id), moment.peak.time_s)


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
