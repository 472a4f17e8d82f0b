"""Pure decisions of concepts: what a confidence is, which frames make a moment, what can be learnt from."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sightline.scenarios.concepts.schemas import Hit

MIN_YES, MIN_NO = 5, 2
# Frames of one video this close are one stretch: they nearly repeat each other.
STRETCH_S = 10.0
# Nobody marked what lies next to a yes, and it shows the same.
NEAR_YES_S = 3.0
MIN_GAP_S, GAP_INTERVALS = 2.0, 2.0
TAG_PREFIX = "concept:"

Curve = Mapping[str, Sequence[float]] | None


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame with what the classifier's line says of it (log odds)."""

    time_s: float
    log_odds: float


def tag_of(name: str) -> str:
    """The tag that videos carry which show a concept."""
    return TAG_PREFIX + name


def why_not(yes: int, no: int) -> str | None:
    """Why nothing can be learnt from so many marks; None when it can."""
    if yes < MIN_YES:
        return f"Mark at least {MIN_YES} frames that show it; {yes} are marked and indexed."
    if no < MIN_NO:
        return f"Mark at least {MIN_NO} frames that do not show it; {no} are marked and indexed."
    return None


def stretch_of(asset_id: object, time_s: float) -> str:
    """Frames of one stretch share this."""
    return f"{asset_id} {int(time_s // STRETCH_S)}"


def confidence(log_odds: float, curve: Curve) -> float:
    """What the classifier says of a frame, 0 to 1."""
    if not curve:
        return 1 / (1 + math.exp(-max(min(log_odds, 30.0), -30.0)))
    x, y = curve["x"], curve["y"]
    place = bisect_right(x, log_odds)
    if place == 0:
        return y[0]
    if place == len(x):
        return y[-1]
    share = (log_odds - x[place - 1]) / (x[place] - x[place - 1])
    return y[place - 1] + share * (y[place] - y[place - 1])


def hits_of(frames: Sequence[Seen], *, bar: float, interval_s: float, curve: Curve) -> list[Hit]:
    """Moments of one video, in order of time: frames at the bar or above, over short pauses."""
    gap_s = max(MIN_GAP_S, GAP_INTERVALS * interval_s)
    shown = [(one.time_s, confidence(one.log_odds, curve)) for one in sorted(frames, key=_time)]
    stretches: list[list[tuple[float, float]]] = []
    for time_s, sure in shown:
        if sure < bar:
            continue
        if stretches and time_s - stretches[-1][-1][0] <= gap_s:
            stretches[-1].append((time_s, sure))
        else:
            stretches.append([(time_s, sure)])
    return [_hit(stretch, interval_s) for stretch in stretches]


def _time(frame: Seen) -> float:
    return frame.time_s


def _hit(stretch: Sequence[tuple[float, float]], interval_s: float) -> Hit:
    """A frame stands for the interval that begins with it."""
    peak_s, sure = max(stretch, key=lambda frame: frame[1])
    return Hit(start_s=stretch[0][0], end_s=stretch[-1][0] + interval_s, peak_s=peak_s, confidence=sure)


def wilson(right: int, of: int) -> tuple[float, float]:
    """95 % range of a share seen in so few. Source: Wilson 1927."""
    if of == 0:
        return (0.0, 1.0)
    z, share = 1.96, right / of
    middle = share + z * z / (2 * of)
    reach = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (max((middle - reach) / (1 + z * z / of), 0.0), min((middle + reach) / (1 + z * z / of), 1.0))
