"""The citation contract: a sentence stands only on passages that exist and say what it says.

Whoever wrote it, a model or ourselves, is not asked. A sentence is dropped when a number, a name, a command
or a claim in it (a cause, a denial, an end) is in none of the passages it cites, or they share too little.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sightline.ports.writing import Passage, Sentence
from sightline.words import NUMBERS, PART, content_words, tokens

LEAST_SHARE = 0.5
"""Of a sentence's words that its passages must have; below, paraphrase and invention look alike."""
LEAST_SHARED = 2
"""Words that a passage must share to stay a citation, where the sentence has as many."""
MAX_SENTENCE_CHARS = 1500
CLAIMS: Mapping[str, re.Pattern[str]] = {
    "cause": re.compile(
        r"\b(cause[sd]?|causing|because|due to|root cause|led to|leads to|result(s|ed|ing)? (of|in|from)|"
        r"trigger(s|ed|ing)?( by)?|owing to|thanks to|stem(s|med)? from|blame[sd]?|culprit|attribut\w+)\b",
        re.I,
    ),
    "denial": re.compile(r"\b(not|no|never|none|nothing|without|cannot|neither|nor|un\w+able)\b|n't\b", re.I),
    "end": re.compile(
        r"\b(recover(s|ed|y)|resolv(ed|es)|fixed|mitigated|restored|closed|over|ended|solved)\b", re.I
    ),
}
"""What changes everything when it is invented: its like must be in a passage."""
_CODE = re.compile(r"```[^\n]*\n(.*?)```|`([^`\n]+)`", re.S)


@dataclass(frozen=True)
class _Ground:
    """What some passages say."""

    text: str

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(content_words(self.text))

    @cached_property
    def parts(self) -> frozenset[str]:
        """Every whole token and every part of one, in lower case."""
        whole = {token.casefold() for token in tokens(self.text)}
        parts = {part.casefold() for part in PART.findall(self.text)}
        return frozenset(whole | parts | {NUMBERS[one] for one in parts & NUMBERS.keys()})

    @cached_property
    def line(self) -> str:
        """On one line, for what must be there word by word."""
        return _on_one_line(self.text)


def verified(
    sentences: Iterable[Sentence], passages: Sequence[Passage]
) -> tuple[list[Sentence], list[Sentence]]:
    """Sentences that hold, each with the citations that hold it, and those that were dropped."""
    grounds = {passage.id: _Ground(passage.text) for passage in passages}
    kept: list[Sentence] = []
    dropped: list[Sentence] = []
    for sentence in sentences:
        cites = _supporting(sentence, grounds)
        ground = _Ground("\n".join(grounds[cite].text for cite in cites))
        if cites and _holds(sentence.text, ground):
            kept.append(Sentence(sentence.text.strip(), cites))
        else:
            dropped.append(sentence)
    return kept, dropped


def _supporting(sentence: Sentence, grounds: Mapping[str, _Ground]) -> tuple[str, ...]:
    """Its citations that exist and share words with it, each once."""
    said = set(content_words(sentence.text))
    least = min(LEAST_SHARED, len(said))
    known = [cite for cite in dict.fromkeys(sentence.cites) if cite in grounds]
    return tuple(cite for cite in known if said and len(said & grounds[cite].words) >= least)


def _holds(text: str, ground: _Ground) -> bool:
    said = set(content_words(text))
    return (
        0 < len(text) <= MAX_SENTENCE_CHARS
        and len(said & ground.words) >= LEAST_SHARE * len(said)
        and all(_named(name, ground) for name in names(_CODE.sub(" ", text)))
        and all(_on_one_line(code) in ground.line for code in _commands(text))
        and all(not claim.search(text) or claim.search(ground.text) for claim in CLAIMS.values())
    )


def names(text: str) -> set[str]:
    """Numbers and names: what has a digit, an inner mark, or a capital letter other than at the start."""
    found = {NUMBERS[token.casefold()] for token in tokens(text) if token.casefold() in NUMBERS}
    starts = True
    for match in re.finditer(r"[.!?:]\s+|[^\W_][\w.,:/@+%-]*", text):
        token = match.group().rstrip(".,:/@+%-")
        if match.group()[0] in ".!?:":
            starts = True
            continue
        capital = token[1:] != token[1:].lower() or (token[0].isupper() and not starts)
        if capital or re.search(r"\d|\w[_./:@-]\w", token):
            found |= set(tokens(token))
        starts = False
    return {name.casefold() for name in found}


def _named(name: str, ground: _Ground) -> bool:
    """In the passages as a whole, or with all its parts."""
    return name in ground.parts or all(part in ground.parts for part in PART.findall(name))


def _commands(text: str) -> list[str]:
    return [block or inline for block, inline in _CODE.findall(text)]


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
