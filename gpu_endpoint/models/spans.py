"""From tag scores to entities: the best allowed sequence of tags, then stretches of characters.

Source: Viterbi 1967, with transitions that are allowed or not; tags as of Ramshaw and Marcus 1995 (B, I, O),
of which E ends an entity and S is one by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gpu_endpoint.models.taken import Taken

Floats = npt.NDArray[np.float32]
FORBIDDEN = np.float32(-1e9)
TORN_AT_A_SIGN = np.float32(-2.5)
"""What it costs, as a log chance, to end an entity at `-`, `.` or `_`; chosen on validation templates."""
APART, AT_A_SIGN, ONE_WORD, NEW_LINE = 0, 1, 2, 3


class Span(NamedTuple):
    """Tokens first to last (inclusive) of one window are one entity."""

    first: int
    last: int
    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """Characters start to end of a text are one entity."""

    label: str
    start: int
    end: int
    confidence: float
    source: str


class TagScheme:
    """What the tags of a model mean, and which may follow which."""

    def __init__(self, tags: Sequence[str]) -> None:
        parts = [
            tag.partition("-") if tag[1:2] == "-" else ("O" if tag == "O" else "", "", tag) for tag in tags
        ]
        self.marks = [mark for mark, _, _ in parts]
        self.labels = [label for _, _, label in parts]
        count = len(tags)
        self.follows = np.zeros((count, count), np.float32)
        self.starts = np.zeros(count, np.float32)
        for after in range(count):
            if self.marks[after] in ("I", "E"):
                self.starts[after] = FORBIDDEN
                for before in range(count):
                    if self.marks[before] not in ("B", "I") or self.labels[before] != self.labels[after]:
                        self.follows[before, after] = FORBIDDEN
        goes_on = np.array(
            [[self.goes_on(before, after) for after in range(count)] for before in range(count)]
        )
        breaks = np.where(goes_on, np.float32(0), np.float32(1))
        inside = np.array([mark in ("I", "E") for mark in self.marks])
        anew = np.where(inside, np.float32(1), np.float32(0))[None, :]
        self.joined = (
            self.follows,
            self.follows + TORN_AT_A_SIGN * breaks,
            self.follows + FORBIDDEN * breaks,
            self.follows + FORBIDDEN * anew,
        )

    def goes_on(self, before: int, after: int) -> bool:
        """Whether two tags beside each other tear nothing apart."""
        if self.marks[after] == "O":
            return self.marks[before] == "O"
        return self.marks[after] in ("I", "E", "") and self.labels[before] == self.labels[after]

    def best(self, scores: Floats, joints: Sequence[int] | None = None) -> list[int]:
        """The likeliest allowed tags. Shapes: (tokens, tags) log chances -> tokens."""
        reached = scores[0] + self.starts
        came_from = np.zeros(scores.shape, np.int64)
        for token in range(1, len(scores)):
            ways = reached[:, None] + self.joined[joints[token] if joints else APART]
            came_from[token] = ways.argmax(0)
            reached = ways.max(0) + scores[token]
        path = [int(reached.argmax())]
        for token in range(len(scores) - 1, 0, -1):
            path.append(int(came_from[token, path[-1]]))
        return path[::-1]

    def spans(self, scores: Floats, joints: Sequence[int] | None = None) -> list[Span]:
        """Entities of one window; the confidence is that of the least certain token."""
        tags = self.best(scores, joints)
        found: list[Span] = []
        for token, tag in enumerate(tags):
            mark, label, chance = self.marks[tag], self.labels[tag], float(np.exp(scores[token, tag]))
            if mark == "O":
                continue
            previous = found[-1] if found and found[-1].last == token - 1 else None
            # A model without marks names each token by itself: neighbours of one label are one entity.
            if previous and previous.label == label and mark in ("I", "E", ""):
                found[-1] = Span(previous.first, token, label, min(previous.confidence, chance))
            else:
                found.append(Span(token, token, label, chance))
        return found


def joints_of(text: str, offsets: Sequence[tuple[int, int]]) -> list[int]:
    """How each piece hangs on the one before: apart, by a sign inside a name, as one word, on a new line."""
    joints = [APART]
    for (_, before), (start, end) in pairwise(offsets):
        glued = start == before > 0 and end > start
        signs = glued and not (text[start - 1].isalnum() and text[start].isalnum())
        if signs:
            joints.append(AT_A_SIGN if inside_a_name(text, start) else APART)
        else:
            joints.append(ONE_WORD if glued else NEW_LINE if "\n" in text[before:start] else APART)
    return joints


def inside_a_name(text: str, place: int) -> bool:
    """Whether a boundary lies beside a `-`, `.` or `_` that has letters or digits on both sides."""
    sign = place if text[place] in "-._" else place - 1
    return text[sign] in "-._" and text[sign - 1 : sign].isalnum() and text[sign + 1 : sign + 2].isalnum()


def log_chances(logits: Floats, temperature: float = 1.0) -> Floats:
    """Shapes: (..., classes) -> the same, each row's chances summing to 1."""
    scaled = logits / np.float32(temperature)
    shifted = scaled - scaled.max(-1, keepdims=True)
    answer: Floats = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return answer


def in_text(windows: Sequence[Sequence[tuple[int, int]]], spans: Sequence[Sequence[Span]]) -> list[Stretch]:
    """The spans of all windows of a text; of what two share, each answers for a half."""
    found: list[Stretch] = []
    begin = 0
    for place, (offsets, here) in enumerate(zip(windows, spans, strict=True)):
        end = middle_of_overlap(offsets, windows[place + 1]) if place + 1 < len(windows) else None
        for span in here:
            start, stop = offsets[span.first][0], offsets[span.last][1]
            if stop > start >= begin and (end is None or start < end):
                found.append(Stretch(span.label, start, stop, span.confidence, "model"))
        begin = end or begin
    return without_overlap(found)


def middle_of_overlap(before: Sequence[tuple[int, int]], after: Sequence[tuple[int, int]]) -> int:
    """A character from which on the later window is believed."""
    first = next(start for start, end in after if end > start)
    last = max(end for _, end in before)
    return (first + last) // 2


def without_overlap(found: Sequence[Stretch]) -> list[Stretch]:
    """Sorted by start; of two that overlap, the surer one stays."""
    taken = Taken()
    surest = sorted(found, key=lambda stretch: -stretch.confidence)
    kept = [one for one in surest if taken.take(one.start, one.end)]
    return sorted(kept, key=lambda stretch: stretch.start)


def answered(text: str, found: Sequence[Stretch]) -> list[Mapping[str, object]]:
    """As the contract has it (contracts/inference_answers.py)."""
    return [
        {
            "label": one.label,
            "start": one.start,
            "end": one.end,
            "text": text[one.start : one.end],
            "confidence": round(one.confidence, 4),
            "source": one.source,
        }
        for one in found
    ]
