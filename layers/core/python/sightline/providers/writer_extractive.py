"""A writer without a model: takes the most telling sentences out of the passages, word by word.

For an answer each sentence is worth what it shares with the question and with the other passages, and the
place of its passage, for passages come best first; a summary is what comes first. One that repeats another is
left out (maximal marginal relevance, J. Carbonell and J. Goldstein, SIGIR 1998). Same input, same text.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sightline.ports.writing import Passage, Sentence, WriterTask
from sightline.words import content_words

MAX_UNIT_CHARS = 1200
SAME: Mapping[WriterTask, float] = {"answer": 0.7, "summary": 0.95}
"""Of the words of the shorter of two sentences: above, they say the same; facts have names in common."""
ASKED, AROUND, CENTRAL, EARLY = 1.0, 0.4, 0.3, 0.5
"""What weighs: the question's words in it and in its passage, likeness to the rest, the passage's place."""
_FENCE = re.compile(r"^\s*(```|~~~)")
_MARK = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9`])")
_SKIPPED = re.compile(r"^\s*(#|---|<!--|!\[|\||$)")


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence, a step or a command. place: of its passage, and within it; around: the passage's words."""

    text: str
    cite: str
    place: tuple[int, int]
    words: frozenset[str]
    around: frozenset[str]


class ExtractiveWriter:
    """Writes nothing of its own."""

    id = "extractive"

    def write(
        self, task: WriterTask, *, question: str, passages: Sequence[Passage], max_sentences: int
    ) -> list[Sentence]:
        """In the order of the passages; none where an answer's passages share nothing with the question."""
        units = [unit for at, passage in enumerate(passages) for unit in _units(passage, at)]
        rarity = _rarity([content_words(passage.text) for passage in passages])
        asked = set(content_words(question))
        if task == "answer" and not asked & rarity.keys():
            return []
        chosen: list[_Unit] = []
        worth = {unit: _worth(unit, asked, rarity) if task == "answer" else 0.0 for unit in units}
        for unit in sorted(units, key=lambda one: (-worth[one], one.place)):
            if len(chosen) == max_sentences:
                break
            if unit.words and not any(_alike(unit, other) > SAME[task] for other in chosen):
                chosen.append(unit)
        return [Sentence(unit.text, (unit.cite,)) for unit in sorted(chosen, key=lambda one: one.place)]


def _worth(unit: _Unit, asked: set[str], rarity: Mapping[str, float]) -> float:
    """Shares of rare words count more than shares of common ones."""
    weight = sum(rarity[word] for word in unit.words) or 1.0
    possible = sum(rarity.get(word, 0.0) for word in asked) or 1.0
    within, around = (sum(rarity[word] for word in asked & words) for words in (unit.words, unit.around))
    common = sum(rarity[word] for word in unit.words if rarity[word] < math.log(2)) / weight
    asked_for = (ASKED * within + AROUND * around) / possible
    return asked_for + CENTRAL * common + EARLY / (1 + unit.place[0])


def _rarity(passages: Sequence[Sequence[str]]) -> dict[str, float]:
    """Inverse document frequency, as BM25 has it."""
    seen = Counter(word for words in passages for word in set(words))
    return {word: math.log(1 + (len(passages) - count + 0.5) / (count + 0.5)) for word, count in seen.items()}


def _alike(one: _Unit, other: _Unit) -> float:
    return len(one.words & other.words) / min(len(one.words), len(other.words))


def _units(passage: Passage, at: int) -> Iterator[_Unit]:
    around = frozenset(content_words(passage.text))
    for place, text in enumerate(split(passage.text)):
        if len(text) <= MAX_UNIT_CHARS:
            yield _Unit(text, passage.id, (at, place), frozenset(content_words(text)), around)


def split(text: str) -> list[str]:
    """Markdown into sentences: a step of a list is one, a command goes with the words that announce it."""
    found: list[str] = []
    for block in _blocks(text.splitlines()):
        if _FENCE.match(block):
            announced = found and found[-1].endswith(":")
            found.append(f"{found.pop()}\n{block}" if announced else block)
        else:
            found += [one for part in _END.split(block) if (one := part.strip())]
    return found


def _blocks(lines: Sequence[str]) -> Iterator[str]:
    """Paragraphs and list items on one line each, fenced code whole; headings and tables left out."""
    gathered: list[str] = []
    fenced: list[str] | None = None
    for line in [*lines, ""]:
        if fenced is not None:
            fenced.append(line)
            if _FENCE.match(line):
                yield "\n".join(part.strip() for part in fenced)
                fenced = None
            continue
        begins = bool(_FENCE.match(line) or _MARK.match(line) or _SKIPPED.match(line))
        if begins and gathered:
            yield " ".join(gathered)
            gathered = []
        if _FENCE.match(line):
            fenced = [line]
        elif not _SKIPPED.match(line):
            gathered.append(_MARK.sub("", line).strip())
