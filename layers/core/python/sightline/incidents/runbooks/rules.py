"""What a question is about, decided without looking anything up."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from sightline.words import content_words

MAX_SUBJECT_CHARS = 1200
MAX_CONTEXT_CHARS = 1500
MAX_QUOTE_CHARS = 800
FEW_WORDS = 3
"""A question with no more words that mean something, and no name in it, may go on from the one before."""
_NAME = re.compile(r"`[^`]+`|\b\w*[a-z0-9][A-Z]\w*|\b[\w-]+[_/:.]\w[\w./:-]*|\b\w*\d\w*\b")
_REFERS = re.compile(
    r"\b(it|its|that|this|these|those|them|they|there|same|above|again|else|instead)\b|^(and|but|then|or|so|"
    r"what about|how about|what if|why|ok|okay)\b",
    re.I,
)


def stands_alone(question: str) -> bool:
    """Whether it says enough to be looked up by itself, wherever it points besides."""
    said = [word for word in content_words(question) if not word.isdigit()]
    return len(said) >= FEW_WORDS


def follows(question: str) -> bool:
    """Whether it may speak of what was asked before: it points there, or hardly says anything itself."""
    said = [word for word in content_words(question) if not word.isdigit()]
    if _NAME.search(question) and len(said) > FEW_WORDS:
        return False
    return len(said) <= FEW_WORDS or (bool(_REFERS.search(question)) and len(said) <= 2 * FEW_WORDS)


def subject_of(question: str, earlier: Sequence[str]) -> str:
    """The question with the subject before it, where it follows; earlier: subjects, newest first."""
    if not earlier or not follows(question):
        return question
    return f"{earlier[0]}\n{question}"[-MAX_SUBJECT_CHARS:]


@cache
def vocabulary() -> tuple[tuple[re.Pattern[str], str], ...]:
    """What people type, and what runbooks write instead."""
    lines = files(__package__).joinpath("vocabulary.txt").read_text().splitlines()
    pairs = (line.split(" => ") for line in lines if line and not line.startswith("#"))
    return tuple((re.compile(rf"\b(?:{typed})(?!\w)", re.I), written) for typed, written in pairs)


def expansion(text: str) -> str:
    """What runbooks would write for it, each word once, without what it says itself."""
    said = set(content_words(text))
    added = " ".join(written for typed, written in vocabulary() if typed.search(text)).split()
    return " ".join(word for word in dict.fromkeys(added) if not said & set(content_words(word)))


def understood(text: str) -> frozenset[str]:
    """Stems of what the vocabulary has something for."""
    spans = (found[0] for typed, _ in vocabulary() for found in typed.finditer(text))
    return frozenset(content_words(" ".join(spans)))


def expanded(text: str) -> str:
    """Both together, as the model is given it."""
    added = expansion(text)
    return f"{text} ({added})" if added else text


def context_of(alerts: Iterable[Mapping[str, Any]]) -> str:
    """What an incident's alerts say, each title once, with what they name."""
    lines: list[str] = []
    for alert in alerts:
        named = [str(alert[name]) for name in ("service", "category") if alert.get(name)]
        named += [str(one["text"]) for one in alert.get("entities") or () if one.get("label") == "error_code"]
        lines.append(f"{alert['title']} {' '.join(dict.fromkeys(named))}".strip())
    return "\n".join(dict.fromkeys(lines))[:MAX_CONTEXT_CHARS]


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a piece, and the lines they stand in, counted from the piece's own first line, which is 0."""

    text: str
    first: int
    last: int


def quote_of(sentence: str, text: str) -> Quote:
    """The paragraph of a piece that shares most words with a sentence."""
    said = set(content_words(sentence))
    lines = text.split("\n")
    first, last = max(_paragraphs(lines), key=lambda span: (len(said & _words(lines, span)), -span[0]))
    return Quote("\n".join(lines[first : last + 1])[:MAX_QUOTE_CHARS], first, last)


def _paragraphs(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Runs of lines between blank ones; a piece without any words is one."""
    found: list[tuple[int, int]] = []
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found or [(0, len(lines) - 1)]


def _words(lines: Sequence[str], span: tuple[int, int]) -> set[str]:
    return set(content_words("\n".join(lines[span[0] : span[1] + 1])))
