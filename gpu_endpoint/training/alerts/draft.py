"""A text under construction, which knows where its entities lie."""

from __future__ import annotations

import random
import re

from gpu_endpoint.training.alerts.names import any_word
from gpu_endpoint.training.alerts.slots import drawers
from gpu_endpoint.training.alerts.templates import FOLDER
from gpu_endpoint.training.alerts.values import Vocabulary
from gpu_endpoint.training.alerts.wording import Synonyms

Span = tuple[int, int, str]

WRAPS = (
    ("`", "`"),
    ("**", "**"),
    ('"', '"'),
    ("'", "'"),
    ("[", "](https://app.example.com/x/41)"),
    ("<", ">"),
    ("*", "*"),
)
AGAIN = 0.6  # how often a name that was already said is said again
REPEATED = (
    "service",
    "host",
    "env",
    "region",
    "awsregion",
    "team",
    "person",
    "db",
    "queue",
    "topic",
    "table",
    "url",
    "disk",
    "job",
)
SYNONYMS = Synonyms(FOLDER / "synonyms.txt")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Draft:
    """Text and spans. One alert wraps its entities in one way, if at all."""

    def __init__(
        self, rng: random.Random, vocabulary: Vocabulary, *, typos: bool, thinned: bool, varied: bool
    ) -> None:
        self.rng, self.vocabulary = rng, vocabulary
        self.typos, self.thinned, self.varied = typos, thinned, varied
        self.text = ""
        self.spans: list[Span] = []
        self.wrap = rng.choice(WRAPS) if rng.random() < 0.12 else ("", "")
        self.drawers = drawers(vocabulary)
        self.said: dict[str, str] = {}

    def add(self, text: str, *, exact: bool = False) -> None:
        """Words that are no entity; `exact`: no person typed them."""
        if exact:
            self.text += text
            return
        if self.varied:
            text = SYNONYMS.varied(self.rng, text)
        if self.thinned:
            text = without_some_words(self.rng, text)
        self.text += mistyped(self.rng, text) if self.typos else text

    def entity(self, slot: str, label: str | None, *, plain: bool = False) -> None:
        """A value; its span is kept where it has a label."""
        value = self._value(slot)
        before, after = ("", "") if plain or label is None or self.rng.random() < 0.4 else self.wrap
        self.text += before
        if label is not None:
            self.spans.append((len(self.text), len(self.text) + len(value), label))
        self.text += value + after

    def _value(self, slot: str) -> str:
        # Two hosts of one sentence are two; across sentences and labels a name is usually the same.
        if slot in self.said and self.rng.random() < AGAIN and slot in REPEATED and self.text.count("\n"):
            return self.said[slot]
        self.said[slot] = self.drawers[slot]()
        return self.said[slot]


def without_some_words(rng: random.Random, text: str) -> str:
    """With one word in twelve gone, or another in its place, so that no template is learned by heart."""
    parts = re.split(r"(\w+)", text)
    for index in range(1, len(parts), 2):
        if parts[index].isalpha() and rng.random() < 0.08:
            parts[index] = any_word(rng, kept=False) if rng.random() < 0.3 else ""
    return "".join(parts)


def mistyped(rng: random.Random, text: str) -> str:
    """Now and then a letter swapped, lost or wrong."""
    letters = list(text)
    for index in range(1, len(letters) - 1):
        if letters[index].isalpha() and letters[index + 1].isalpha() and rng.random() < 0.03:
            kind = rng.random()
            if kind < 0.4:
                letters[index], letters[index + 1] = letters[index + 1], letters[index]
            elif kind < 0.7:
                letters[index] = ""
            else:
                letters[index] = rng.choice(LETTERS)
    return "".join(letters)
