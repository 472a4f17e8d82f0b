"""Candidates looked at again: which runbook a question is about, which pieces say so, how sure that is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sightline.database import Connection, Row
from sightline.incidents.runbooks.searching import Query, Stem, candidates, stems

# What weighs in a runbook's score; tuned on development questions by benchmarks/runbook_retrieval.py.
LIKENESS, SAID, GIST, WORDED, COVERED = 0.3, 0.1, 0.4, 0.3, 0.1
BAR = 0.3
"""Of the best score: below, the runbooks do not say."""
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
    """Pieces to answer from; confidence: the best runbook's score."""

    pieces: Sequence[Piece]
    confidence: float

    @property
    def good(self) -> bool:
        """Whether the runbooks say anything about it."""
        return bool(self.pieces) and self.confidence >= BAR


def find(conn: Connection, query: Query) -> Found:
    """The pieces to answer from."""
    told = stems(conn, query)
    found = ranked(candidates(conn, query, told), told)
    confidence = found[0].score if found else 0.0
    return Found(list(_pieces(found)), confidence)


def ranked(rows: Sequence[Row], told: Sequence[Stem]) -> list[Ranked]:
    """Runbooks, best first."""
    weights = {one.stem: one.weight for one in told}
    total = sum(weights.values()) or 1.0
    by_runbook: dict[UUID, list[Row]] = {}
    for row in rows:
        by_runbook.setdefault(row["runbook_id"], []).append(row)
    found = [
        Ranked(
            runbook_id,
            pieces[0]["path"],
            _score(pieces, weights, total),
            sorted(pieces, key=lambda row: -_worth(row, total)),
        )
        for runbook_id, pieces in by_runbook.items()
    ]
    return sorted(found, key=lambda one: (-one.score, one.path))


def _score(rows: Sequence[Row], weights: Mapping[str, float], total: float) -> float:
    """Of a runbook: by the best of its pieces in each respect."""
    covered = sum(weights[stem] for stem in {stem for row in rows for stem in row["stems"]})
    return float(
        LIKENESS * max(row["likeness"] for row in rows)
        + SAID * max(row["said"] for row in rows)
        + GIST * rows[0]["gist"]
        + WORDED * max(row["worded"] for row in rows) / total
        + COVERED * covered / total
    )


def _worth(row: Row, total: float) -> float:
    """Of a piece beside others of the same runbook."""
    return float(row["likeness"]) + float(row["said"]) + float(row["worded"]) / total


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
