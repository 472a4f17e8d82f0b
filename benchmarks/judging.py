"""Which moments of an answer are right, by the timeline of the drive, and what that comes to."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.prompts import TOP, Prompt
from benchmarks.timelines import Timeline
from sightline.scenarios.answers import MomentAnswer, SearchAnswer

# A stretch shorter than this is an edge: the thing is seen coming or going.
MIN_STRETCH_S = 2.0
Stretch = tuple[float, float]


@dataclass
class Figures:
    """What was measured of one kind of prompt."""

    shown: int = 0
    absent: int = 0
    precision: list[float] = field(default_factory=list)
    recall: list[float] = field(default_factory=list)
    average: list[float] = field(default_factory=list)
    start_off_s: list[float] = field(default_factory=list)
    peak_inside: list[float] = field(default_factory=list)
    detected: int = 0
    alarms: int = 0
    high: int = 0


def stretches(drive: Timeline, wanted: frozenset[str], never: frozenset[str] = frozenset()) -> list[Stretch]:
    """When the facts hold."""
    found: list[list[float]] = []
    for time_s, facts in zip(drive.times_s, drive.facts, strict=True):
        if wanted <= facts and not never & facts:
            if found and time_s - found[-1][1] < 0.5:
                found[-1][1] = time_s + 1
            else:
                found.append([time_s, time_s + 1])
    return [(start, end) for start, end in found if end - start >= MIN_STRETCH_S]


def truth(drive: Timeline, prompt: Prompt) -> list[Stretch]:
    """When it happens: of a sequence, from its first step to its last, within the window."""
    first = stretches(drive, prompt.facts, prompt.never)
    for _, facts in prompt.then:
        later = stretches(drive, facts)
        # The last moment of the one to the first of the other; a stretch may hold both.
        first = [
            (start, min(next_end, end + prompt.within_s))
            for start, end in first
            for next_start, next_end in later
            if next_start < end + prompt.within_s and next_end > start + 1
        ]
    return first if prompt.facts else []


def right(moment: MomentAnswer, drive: Timeline, prompt: Prompt, true: Sequence[Stretch]) -> Stretch | None:
    """The true stretch that a moment is in."""
    if prompt.then:
        times = [step.time_s for step in moment.steps]
        wanted = [prompt.facts, *(facts for _, facts in prompt.then)]
        at = [drive.facts[min(int(time_s), len(drive.facts) - 1)] for time_s in times]
        if not all(facts <= held for facts, held in zip(wanted, at, strict=True)):
            return None
        times = times[:1]
    else:
        times = [moment.peak_s]
    inside = (one for one in true if one[0] - 0.5 <= times[0] < one[1] + 0.5)
    return next(inside, None)


def judge(figures: Figures, answer: SearchAnswer, drive: Timeline, prompt: Prompt) -> None:
    """One answer's part of the figures."""
    true = truth(drive, prompt)
    found = answer.verdict.found
    high = any(moment.relevance >= 0.9 for moment in answer.moments)
    if not true:
        figures.absent += 1
        figures.alarms += found
        figures.high += high
        return
    figures.shown += 1
    figures.detected += found
    hits = [right(moment, drive, prompt, true) for moment in answer.moments[:TOP]]
    wanted = min(TOP, len(true))
    ranks = [rank for rank, hit in enumerate(hits, 1) if hit]
    distinct = len({hit for hit in hits if hit})
    figures.precision.append(sum(hit is not None for hit in hits) / min(TOP, max(len(hits), 1)))
    figures.recall.append(min(1.0, distinct / wanted))
    figures.average.append(
        min(1.0, sum((place + 1) / rank for place, rank in enumerate(ranks)) / max(wanted, len(ranks)))
    )
    for moment, hit in zip(answer.moments, hits, strict=False):
        if hit:
            figures.start_off_s.append(abs(moment.start_s - hit[0]))
            figures.peak_inside.append(hit[0] <= moment.peak_s < hit[1])
