"""One template, many wordings: `<this|or that>` in it, and words that say the same."""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path

CHOICE = re.compile(r"<([^<>]*\|[^<>]*)>")
OTHER_WORD = 0.4  # how often a word that has others of its meaning gives way to one of them


def chosen(rng: random.Random, text: str) -> str:
    """With one of each choice."""
    return CHOICE.sub(lambda found: rng.choice(found.group(1).split("|")), text)


def wordings(text: str) -> list[str]:
    """With every combination of its choices."""
    parts = CHOICE.split(text)
    ways = [part.split("|") if place % 2 else [part] for place, part in enumerate(parts)]
    return ["".join(way) for way in itertools.product(*ways)]


class Synonyms:
    """Groups of words of which each may stand for the others: one group a line, `|` between."""

    def __init__(self, path: Path) -> None:
        lines = path.read_text(encoding="utf-8").splitlines()
        groups = [line.split(" | ") for line in lines if line and not line.startswith("#")]
        self._others: dict[str, list[str]] = {}
        for group in groups:
            for phrase in group:
                self._others.setdefault(phrase, []).extend(other for other in group if other != phrase)
        longest_first = sorted(self._others, key=len, reverse=True)
        self._known = re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)

    def varied(self, rng: random.Random, text: str) -> str:
        """The text in other words here and there."""
        return self._known.sub(lambda found: self._other(rng, found.group()), text)

    def _other(self, rng: random.Random, said: str) -> str:
        if rng.random() >= OTHER_WORD:
            return said
        other = rng.choice(self._others[said.lower()])
        return other[0].upper() + other[1:] if said[0].isupper() else other
