"""What a word piece looks like in the text: MiniLM itself sees neither case nor line breaks."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gpu_endpoint.models.alert_rules import find_certain

Floats = npt.NDArray[np.float32]
Offsets = Sequence[tuple[int, int]]

NEIGHBOURS = (
    " ",
    "\n",
    ":",
    "=",
    "-",
    "_",
    ".",
    "/",
    "@",
    "#",
    ",",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    "`",
    "*",
    "|",
    "<",
    ">",
    "%",
    "$",
)
RULES = ("resource", "host", "region", "error_code", "version")
WORD = re.compile(r"[^\s,;|\"'`()\[\]{}<>]+")
WORDS = (
    re.compile(r"^[A-Z][a-z]+(?:[A-Z]+[a-z0-9]*)+$"),  # CamelCase
    re.compile(r"^[a-z]+(?:[-_][a-z]+)+$"),  # kebab-case
    re.compile(r"^[a-z][\w.-]*\d[\w.-]*$", re.IGNORECASE),  # a name with a number
    re.compile(r"^[\w-]+(?:\.[\w-]+){2,}$"),  # a.dotted.name
    re.compile(r"^[a-z][a-z0-9]*(?:_[a-z0-9]+)+$"),  # snake_case
    re.compile(r"://"),
    re.compile(r"@\w"),
    re.compile(r"^[\w.+-]+@[\w-]+\.[\w.]+"),
    re.compile(r"^/[\w./-]*$|^[A-Z]:$"),  # a path
    re.compile(r"^[^:=]+[:=].+"),  # key:value
    re.compile(r"^\d+(?:[.,]\d+)*%?$"),
    re.compile(r"^\d+(?:\.\d+)?(?:ms|s|m|h|d|min|mins|hrs)(?:\d+[ms])?[.:]?$"),
    re.compile(r"^\d+(?:\.\d+)?(?:[kKMGT]i?B?)$"),
    re.compile(r"^[$€]\d"),
    re.compile(r"[0-9a-f]{7,}"),
    re.compile(r"^[A-Z][A-Z0-9_]{3,}$"),
)  # fmt: skip
LEVELS = (
    re.compile(r"\b(?:P[01]|sev[- ]?[01]|S1|critical|crit|fatal|emergency|disaster|page)\b", re.IGNORECASE),
    re.compile(r"\b(?:P2|sev[- ]?2|S2|high|major|severe|error)\b", re.IGNORECASE),
    re.compile(r"\b(?:P3|sev[- ]?3|S3|medium|moderate|average|warn(?:ing)?)\b", re.IGNORECASE),
    re.compile(r"\b(?:P4|sev[- ]?4|S4|low|minor|ticket)\b", re.IGNORECASE),
    re.compile(
        r"\b(?:P5|sev[- ]?5|info|informational|notice|debug|ok|resolved|recovered|recovery|closed|cleared)\b",
        re.IGNORECASE,
    ),
)
"""How severities are written, from critical to info: what a word means here, the head learns."""
SIZE = 9 + 2 * (len(NEIGHBOURS) + 1) + len(WORDS) + 2 * len(RULES) + 2 + len(LEVELS)


class Marks:
    """What is known of a text's characters: looked up once, for all windows of the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._words, self._rules, self._levels = _words_at(text), _rules_at(text), _levels_at(text)

    def features(self, offsets: Offsets) -> Floats:
        """Shapes: n pieces -> (n, SIZE). A piece without characters ([CLS], [SEP]) gets zeros."""
        rows = np.zeros((len(offsets), SIZE), np.float32)
        for index, (start, end) in enumerate(offsets):
            if end > start:
                rows[index, _form(self.text, start, end)] = 1
                rows[index, self._context(start, end)] = 1
                if start in self._levels:
                    rows[index, SIZE - len(LEVELS) + self._levels[start]] = 1
        return rows

    def _context(self, start: int, end: int) -> list[int]:
        """Characters before and after, the word around it, and what a rule says of it."""
        text, base, width = self.text, 9, len(NEIGHBOURS) + 1
        before = text[start - 1 : start] or "\n"
        places = [base + _neighbour(before), base + width + _neighbour(text[end : end + 1] or "\n")]
        base += 2 * width
        kinds, first = self._words.get(start, ([], -1))
        places += [base + kind for kind in kinds]
        base += len(WORDS)
        if start in self._rules:
            rule, begins = self._rules[start]
            places.append(base + 2 * rule + begins)
        base += 2 * len(RULES)
        places += [base] if first == start else []
        return places + ([base + 1] if before == "\n" else [])


def _form(text: str, start: int, end: int) -> list[int]:
    """Case, digits and length of the piece itself."""
    piece = text[start:end]
    tests = (
        piece[0].isupper(), piece.isupper(), piece.islower(), piece.isdigit(), any(map(str.isdigit, piece)),
        len(piece) == 1, len(piece) == 2, len(piece) > 5, not piece[0].isalnum(),
    )  # fmt: skip
    return [place for place, said in enumerate(tests) if said]


def _neighbour(letter: str) -> int:
    return NEIGHBOURS.index(letter) if letter in NEIGHBOURS else len(NEIGHBOURS)


def _words_at(text: str) -> dict[int, tuple[list[int], int]]:
    """For every character of a word: which kinds the word is of, and where it begins."""
    places: dict[int, tuple[list[int], int]] = {}
    for match in WORD.finditer(text):
        word = match.group().rstrip(".:!?")
        entry = ([kind for kind, pattern in enumerate(WORDS) if pattern.search(word)], match.start())
        places |= dict.fromkeys(range(*match.span()), entry)
    return places


def _levels_at(text: str) -> dict[int, int]:
    """For every character of a severity: which."""
    places: dict[int, int] = {}
    for level, pattern in enumerate(LEVELS):
        for match in pattern.finditer(text):
            places |= dict.fromkeys(range(*match.span()), level)
    return places


def _rules_at(text: str) -> dict[int, tuple[int, bool]]:
    """For every character of a certain entity: which rule, and whether it is the first."""
    places: dict[int, tuple[int, bool]] = {}
    for found in find_certain(text):
        rule = RULES.index(found.label)
        places |= {place: (rule, place == found.start) for place in range(found.start, found.end)}
    return places
