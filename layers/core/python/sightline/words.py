"""Words of English technical text: what a sentence is about, and what it names. Pure; standard library."""

import re
from functools import lru_cache

TOKEN = re.compile(r"\w+(?:[.,:/@+%-]+\w+)*")
PART = re.compile(r"[^\W_]+")
_STOPPED = frozenset(
    PART.findall("""
    a about after again all also am an and any are as at be because been before being between both but
    by can cannot could did do does doing down during each few for from further had has have having he
    her here how i if in into is it its itself just let may me might more most must my no nor not now of
    off on once only or other our out over own same she should since so some such than that the their
    them then there these they this those through to too under until up us use used using very was we
    were what when where which while who whom why will with within without would you your
    """)
)
NUMBERS = {
    name: str(value)
    for value, name in enumerate(
        ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"), start=2
    )
}
"""Words for numbers; `one` is more often a pronoun."""


@lru_cache(8192)
def stem(word: str) -> str:
    """A word without its commonest endings; crude, and the same on both sides of every comparison."""
    word = word.casefold()
    for ending, least, instead in (("ies", 5, "y"), ("ing", 6, ""), ("ed", 5, ""), ("es", 5, "")):
        if word.endswith(ending) and len(word) >= least:
            word = word[: -len(ending)] + instead
            break
    else:
        if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
            word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word.rstrip("e") if len(word) > 3 else word


def content_words(text: str) -> list[str]:
    """Stems of the words that mean something, in order; compound names in their parts."""
    parts = (part.casefold() for part in PART.findall(text))
    return [stem(NUMBERS.get(part, part)) for part in parts if part not in _STOPPED]


def tokens(text: str) -> list[str]:
    """Whole names and numbers as they are written, without commas inside of numbers."""
    return [re.sub(r"(?<=\d),(?=\d{3})", "", token) for token in TOKEN.findall(text)]
