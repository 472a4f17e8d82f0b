"""Candidates looked at again: which runbook a question is about, which pieces say so, how sure that is."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from uuid import UUID

from sightline.database import Connection, Row
from sightline.incidents.runbooks.naming import apart
from sightline.incidents.runbooks.searching import Known, Query, candidates, known
from sightline.incidents.runbooks.weighing import counted, fits

# What weighs in a runbook's score; tuned by benchmarks/runbook_retrieval.py.
LIKENESS, SAID, GIST, NAMED, ABOUT, WHOLE = 0.16, 0.10, 0.25, 0.12, 0.14, 0.23
BAR, UNKNOWN, MANY = 0.28, 0.2, 100
"""Of confidence: below, the runbooks do not say. Words that none of them has take from it, where there are
many runbooks: a few lack most words. Source: docs/decisions/0014."""
MAX_PIECES = 6
OF_THE_BEST = 4
"""Pieces of the best runbook; the others' are for what it leaves out."""
NEAR = 0.9
"""Of the best runbook's score that another must have to be cited beside it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a runbook that fits."""

    id: UUID
    runbook_id: UUID
    collection: str
    path: str
    title: str
    headings: tuple[str, ...]
    text: str
    first_line: int
    last_line: int


@dataclass(frozen=True, slots=True)
class Ranked:
    """A runbook, its score, and its pieces, best first."""

    runbook_id: UUID
    path: str
    score: float
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Found:
    """Pieces to answer from, and how sure it is that they are about the question."""

    pieces: Sequence[Piece]
    confidence: float

    @property
    def good(self) -> bool:
        """Whether the runbooks say anything about it."""
        return bool(self.pieces) and self.confidence >= BAR


def find(conn: Connection, query: Query) -> Found:
    """The pieces to answer from."""
    told = known(conn, query.words)
    found = ranked(candidates(conn, query, told), query, told)
    return Found(list(_pieces(found)), confidence(found, query, told))


def confidence(found: Sequence[Ranked], query: Query, told: Known) -> float:
    """The best runbook's score, less where the question speaks of what no runbook knows.

    Numbers are no such words: a question's differ from those of any runbook.
    """
    typed = [one for one in query.words if one.share == 1.0 and not one.stem[0].isdigit()]
    total = sum(told.worth[one.stem] for one in typed) or 1.0
    strange = [one for one in typed if not one.understood and not told.having[one.stem]]
    unknown = sum(told.worth[one.stem] for one in strange) / total
    return found[0].score - UNKNOWN * unknown * min(1.0, told.runbooks / MANY) if found else 0.0


def ranked(rows: Sequence[Row], query: Query, told: Known) -> list[Ranked]:
    """Runbooks, best first."""
    by_runbook: dict[UUID, list[Row]] = {}
    for row in rows:
        by_runbook.setdefault(row["runbook_id"], []).append(row)
    first = [pieces[0] for pieces in by_runbook.values()]
    about = fits([counted(row, whole=False) for row in first], query.words, told.worth)
    whole = fits([counted(row, whole=True) for row in first], query.words, told.worth)
    fitting = [
        (ABOUT * one + WHOLE * other) / (ABOUT + WHOLE) for one, other in zip(about, whole, strict=True)
    ]
    found = [
        Ranked(
            runbook_id,
            pieces[0]["path"],
            _score(pieces, fit) if query.vectors else fit,
            sorted(pieces, key=_worth, reverse=True),
        )
        for (runbook_id, pieces), fit in zip(by_runbook.items(), fitting, strict=True)
    ]
    return list(_once(sorted(found, key=lambda one: (-one.score, one.path))))


def _once(found: Iterable[Ranked]) -> Iterator[Ranked]:
    """Of an alert's runbooks in several folders the best: its copies would only hide others."""
    seen: set[tuple[str, str]] = set()
    for one in found:
        title = one.rows[0]["title"]
        name = (title, PurePosixPath(one.path).stem)
        if name not in seen:
            yield one
        if apart(title):
            seen.add(name)


def _score(pieces: Sequence[Row], fit: float) -> float:
    """Of a runbook: by the best of its pieces in each respect, by what it is about, and by its words."""
    return float(
        LIKENESS * max(row["likeness"] for row in pieces)
        + SAID * max(row["said"] for row in pieces)
        + GIST * pieces[0]["gist"]
        + NAMED * pieces[0]["named"]
        + (ABOUT + WHOLE) * fit
    )


def _worth(piece: Row) -> float:
    """Of a piece beside others of the same runbook."""
    return float(piece["likeness"]) + float(piece["said"])


def _pieces(found: Sequence[Ranked]) -> Iterator[Piece]:
    """Of the best runbook, then of those that are nearly as good; what two say alike, once."""
    said: set[str] = set()
    for place, runbook in enumerate(found):
        if runbook.score < NEAR * found[0].score:
            return
        for row in runbook.rows[: OF_THE_BEST if place == 0 else 1]:
            words = " ".join(row["text"].split())
            if words not in said:
                said.add(words)
                yield Piece(**{name: row[name] for name in Piece.__dataclass_fields__})
            if len(said) == MAX_PIECES:
                return
