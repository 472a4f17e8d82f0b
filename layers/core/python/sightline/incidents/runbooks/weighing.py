"""How well the words of a question fit a runbook: BM25 over its title, what it is about, what it impairs."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sightline.incidents.runbooks.naming import apart, spaced, titles_of
from sightline.words import content_words

K1, B = 1.2, 0.75
"""Source: Robertson & Zaragoza 2009, The Probabilistic Relevance Framework: BM25 and Beyond."""
TITLE_TIMES, ABOUT_TIMES = 3, 2
"""How often a word of the title, and of what a runbook says it is about, counts."""
EXPANSION_SHARE, CONTEXT_SHARE = 0.7, 0.5
"""What a word is worth that was added to the question, or that only its incident's alerts have."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A word that is asked for, as it is typed and by its stem, and its share of a word of the question.

    understood: the vocabulary has something for it, so it tells nothing that no runbook writes it.
    """

    word: str
    stem: str
    share: float
    understood: bool = False


def asked(
    question: str, expansion: str, context: str, understood: frozenset[str] = frozenset()
) -> list[Asked]:
    """Each stem once, by its largest share; the names in a text by their parts too."""
    found: dict[str, Asked] = {}
    parts = ((question, 1.0), (expansion, EXPANSION_SHARE), (context, CONTEXT_SHARE))
    for text, share in parts:
        for word in f"{text} {apart(text)}".split():
            for stem in content_words(word):
                typed = word.strip(".,:;!?()[]\"'`").lower()
                found.setdefault(stem, Asked(typed, stem, share, stem in understood))
    return list(found.values())


def rarity(runbooks: int, having: int) -> float:
    """Inverse document frequency: what a word tells that so many of the runbooks have."""
    return math.log(1 + (runbooks - having + 0.5) / (having + 0.5))


def counted(runbook: Mapping[str, str], *, whole: bool) -> Mapping[str, int]:
    """A runbook's words, each as often as it counts; whole: with all that it says."""
    title, about = titles_of(runbook["path"], runbook["title"]), runbook["about"]
    folder = spaced(runbook["path"].rpartition("/")[0])
    words = TITLE_TIMES * content_words(title) + ABOUT_TIMES * content_words(about)
    words += content_words(runbook["impact"]) + content_words(folder)
    return Counter(words + content_words(runbook["content"]) if whole else words)


def fits(
    runbooks: Sequence[Mapping[str, int]], wanted: Sequence[Asked], worth: Mapping[str, float]
) -> list[float]:
    """Of each runbook, from 0 to 1: its share of the score that all words asked for would make.

    worth: rarity by stem.
    """
    possible = sum(one.share * worth[one.stem] for one in wanted) or 1.0
    sizes = [sum(words.values()) for words in runbooks]
    usual = sum(sizes) / max(len(sizes), 1) or 1.0
    return [
        sum(one.share * worth[one.stem] * _saturated(words.get(one.stem, 0), size / usual) for one in wanted)
        / possible
        for words, size in zip(runbooks, sizes, strict=True)
    ]


def _saturated(times: int, size: float) -> float:
    """A word's second mention tells less than its first, and less in a long text."""
    return times / (times + K1 * (1 - B + B * size))
