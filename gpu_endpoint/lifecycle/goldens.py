"""Checks of a loaded revision before it may answer: form, known similarities, agreement, speed."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from gpu_endpoint.bundled import try_head
from gpu_endpoint.lifecycle import probes
from gpu_endpoint.models.ports import Head, Model, Task

RUNS = 3
"""Of which the median is taken: a single run beside live traffic says little."""
TIMED_TEXTS = 8


class GoldenError(Exception):
    """A revision that must not answer; the message says what it failed."""


@dataclass(frozen=True, slots=True)
class Bars:
    """What a revision must reach. Agreement is with the current revision of the same id.

    int8 against float32 of the bundled weights agrees to a mean cosine of 0.996 over real tiles.
    """

    agreement: float = 0.98
    least_agreement: float = 0.9
    entries_agreement: float = 0.95
    """Of tags and classes: the mean share of equal entries a text."""
    known: float = 0.75
    """Share of triplets in which what belongs together is nearer."""
    slower: float = 4.0
    """Times the current revision's time over the probe set, above `slow_ms`."""
    slow_ms: float = 50.0


def check(candidate: Model, reference: Model | None, bars: Bars) -> dict[str, float]:
    """What was measured. Raises: GoldenError; ModelFileError and ModelAnswerError, for malformed answers."""
    measured: dict[str, float] = {}
    if reference is not None:
        check_kin(candidate, reference)
    for task, head in candidate.tasks.items():
        try_head(candidate, head)
        known = reference.tasks[task] if reference is not None else None
        measured |= {f"{task}.{name}": value for name, value in check_head(task, head, known, bars).items()}
    return measured


def check_kin(candidate: Model, reference: Model) -> None:
    """One id is one space and one set of tasks."""
    if candidate.revision == reference.revision:
        raise GoldenError(f"it answers as {candidate.revision}, which is served")
    if candidate.dim != reference.dim:
        raise GoldenError(f"its vectors have {candidate.dim} numbers, the current revision's {reference.dim}")
    if missing := set(reference.tasks) - set(candidate.tasks):
        raise GoldenError(f"it does not do {', '.join(sorted(missing))}")


def check_head(task: Task, head: Head, known: Head | None, bars: Bars) -> dict[str, float]:
    """One task's measurements."""
    payload: Any = probes.sheet() if task == "embed_image" else probes.texts()
    answer = run(head, payload)
    measured: dict[str, float] = {}
    if head.vectors:
        measured["known"] = similar(head, task, answer)
        if measured["known"] < bars.known:
            raise GoldenError(f"{task}: only {measured['known']:.0%} of the known similarities hold")
    if known is not None:
        measured |= compared(task, head, answer, run(known, payload), bars)
        few = payload if task == "embed_image" else payload[:TIMED_TEXTS]
        measured |= timed(task, head, known, few, bars)
    return measured


def run(head: Head, payload: Any) -> Any:
    """The whole way of one request."""
    items = head.prepare(payload)
    return head.finish(payload, items, list(head.forward(items)))


def similar(head: Head, task: Task, answer: npt.NDArray[np.float32]) -> float:
    """Share of triplets in which the two that belong together are nearer than the third."""
    if task == "embed_image":
        near, far = run(head, probes.sheet(brighter=0.06)), np.roll(answer, 1, axis=0)
        first = answer
    else:
        first, near, far = answer[0::3], answer[1::3], answer[2::3]
    return float(((first * near).sum(axis=1) > (first * far).sum(axis=1)).mean())


def compared(task: Task, head: Head, mine: Any, theirs: Any, bars: Bars) -> dict[str, float]:
    """How far two revisions agree. Raises: GoldenError."""
    rows = agreement(mine, theirs, vectors=head.vectors)
    mean, least = float(rows.mean()), float(rows.min())
    if head.vectors and (mean < bars.agreement or least < bars.least_agreement):
        raise GoldenError(
            f"{task}: cosine to the current revision is {mean:.3f} on average and {least:.3f} at least;"
            f" {bars.agreement} and {bars.least_agreement} are wanted"
        )
    if not head.vectors and mean < bars.entries_agreement:
        raise GoldenError(f"{task}: {mean:.3f} of the entries agree; {bars.entries_agreement} are wanted")
    return {"agreement": round(mean, 5), "least_agreement": round(least, 5)}


def agreement(mine: Any, theirs: Any, *, vectors: bool) -> npt.NDArray[np.float64]:
    """Per text or tile: the cosine of two vectors, or the share of entries that are the same."""
    if vectors:
        return np.asarray((np.asarray(mine, np.float64) * np.asarray(theirs, np.float64)).sum(axis=1))
    return np.array([shared(entries(one), entries(two)) for one, two in zip(mine, theirs, strict=True)])


def shared(one: frozenset[str], two: frozenset[str]) -> float:
    """Jaccard's index; two empty sets agree."""
    return len(one & two) / len(one | two) if one | two else 1.0


def entries(answer: Any) -> frozenset[str]:
    """Tags by label and place, classes by axis and label; confidences may move a little."""
    if isinstance(answer, dict):
        return frozenset(f"{axis}={judgement['label']}" for axis, judgement in answer.items())
    return frozenset(json.dumps([tag["label"], tag["start"], tag["end"]]) for tag in answer)


def timed(task: Task, head: Head, known: Head, payload: Any, bars: Bars) -> dict[str, float]:
    """The time of both over the probe set, in turns. Raises: GoldenError, when the new one is too slow."""
    mine, theirs = turns(head, known, payload)
    if mine > bars.slow_ms and mine > bars.slower * theirs:
        raise GoldenError(f"{task}: {mine:.0f} ms over the probe set, the current revision {theirs:.0f} ms")
    return {"ms": round(mine, 1), "current_ms": round(theirs, 1)}


def turns(head: Head, known: Head, payload: Any) -> tuple[float, float]:
    """Milliseconds of each head, measured in turns so that both meet the same load."""
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(RUNS):
        for one, times in zip((head, known), took, strict=True):
            began = time.perf_counter()
            run(one, payload)
            times.append((time.perf_counter() - began) * 1000)
    return median(took[0]), median(took[1])
