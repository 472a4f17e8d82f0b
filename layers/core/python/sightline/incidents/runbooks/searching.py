"""The pieces that may fit a question: by vector and by words, in one statement, with all that judges them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pgvector import HalfVector

from sightline.database import Connection, Row

FUSION_K = 60
"""Source: Cormack, Clarke & Buettcher 2009."""
CANDIDATES = 60
"""Of each of the lists that are fused."""
MAX_SHARE, FEW = 0.3, 30
"""A word that more of the pieces have tells nothing, and ts_rank scores every match; a few are no harm."""
WEIGHTS = [0.3, 0.5, 0.7, 1.0]
"""Of a word in the text (D), in names (C), in headings (B), in the title (A)."""
CONTEXT_WEIGHT = 0.5
"""Of what an incident's alerts say beside the question itself."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question's words and what its incident says, and a vector of each where a model made them.

    space: whose vectors may be compared with them.
    """

    words: str
    context: str = ""
    vectors: Sequence[HalfVector] = ()
    space: str = ""

    @property
    def vector(self) -> HalfVector | None:
        """The question's, drawn towards its incident's."""
        if not self.vectors:
            return None
        rows = [row.to_numpy().astype(np.float32) for row in self.vectors]
        mixed = rows[0] + CONTEXT_WEIGHT * sum(rows[1:], start=np.zeros_like(rows[0]))
        return HalfVector(mixed / np.linalg.norm(mixed))


@dataclass(frozen=True, slots=True)
class Stem:
    """A word that is asked for: how many pieces have it, and what it tells (inverse document frequency)."""

    stem: str
    pieces: int
    common: bool
    weight: float


def stems(conn: Connection, query: Query) -> list[Stem]:
    """A question's words as the runbooks of this workspace know them; unknown ones weigh most."""
    rows = conn.execute(_STEMS, {"words": query.words, "context": query.context, "less": CONTEXT_WEIGHT})
    return [
        Stem(row["stem"], row["pieces"], row["pieces"] > max(FEW, MAX_SHARE * row["total"]), row["weight"])
        for row in rows.fetchall()
    ]


def candidates(conn: Connection, query: Query, told: Sequence[Stem]) -> list[Row]:
    """Pieces of any list, best first by reciprocal rank."""
    used = [one for one in told if one.pieces and not one.common]
    return conn.execute(
        _CANDIDATES,
        {
            "vector": query.vector,
            "space": query.space if query.vectors else "",
            "stems": [one.stem for one in used],
            "worth": [one.weight for one in used],
            "weights": WEIGHTS,
            "k": FUSION_K,
            "most": CANDIDATES,
        },
    ).fetchall()


_STEMS = """
WITH asked AS (
  SELECT stem, max(share) AS share FROM (
    SELECT unnest(tsvector_to_array(to_tsvector('english', %(words)s))) AS stem, 1.0::float8 AS share
    UNION ALL SELECT unnest(tsvector_to_array(to_tsvector('english', %(context)s))), %(less)s) AS given
  GROUP BY stem
), counted AS (
  SELECT stem, share, (SELECT count(*) FROM runbook_chunk) AS total,
         (SELECT count(*) FROM runbook_chunk WHERE words @@ quote_literal(stem)::tsquery) AS pieces
  FROM asked
)
SELECT stem, pieces, total, share * ln(1 + (total - pieces + 0.5) / (pieces + 0.5))::float8 AS weight
FROM counted
"""

_CANDIDATES = """
WITH piece AS MATERIALIZED (
  SELECT chunk.id, chunk.words,
         CASE WHEN space = %(space)s THEN -(chunk.vector <#> %(vector)b::halfvec(384)) END AS likeness,
         CASE WHEN space = %(space)s THEN -(runbook.gist <#> %(vector)b::halfvec(384)) END AS gist
  FROM runbook_chunk AS chunk JOIN runbook ON runbook.id = chunk.runbook_id
), said AS MATERIALIZED (
  SELECT chunk_id AS id, max(-(sentence.vector <#> %(vector)b::halfvec(384))) AS said
  FROM runbook_sentence AS sentence JOIN piece ON piece.id = chunk_id AND piece.likeness IS NOT NULL
  GROUP BY chunk_id
), worded AS MATERIALIZED (
  SELECT piece.id, sum(term.worth * ts_rank(%(weights)s::float4[], piece.words, term.query)) AS worded
  FROM (SELECT worth, quote_literal(stem)::tsquery AS query
        FROM unnest(%(stems)s::text[], %(worth)s::float8[]) AS given (stem, worth)) AS term
  JOIN piece ON piece.words @@ term.query
  GROUP BY piece.id
), listed AS (
  (SELECT id, row_number() OVER (ORDER BY likeness DESC, id) AS place FROM piece
   WHERE likeness IS NOT NULL ORDER BY place LIMIT %(most)s)
  UNION ALL
  (SELECT id, row_number() OVER (ORDER BY said DESC, id) FROM said ORDER BY 2 LIMIT %(most)s)
  UNION ALL
  (SELECT id, row_number() OVER (ORDER BY gist DESC, likeness DESC, id) FROM piece
   WHERE gist IS NOT NULL ORDER BY 2 LIMIT %(most)s)
  UNION ALL
  (SELECT id, row_number() OVER (ORDER BY worded DESC, id) FROM worded ORDER BY 2 LIMIT %(most)s)
), fused AS (
  SELECT id, sum(1.0 / (%(k)s + place)) AS fused FROM listed GROUP BY id
)
SELECT chunk.id, chunk.runbook_id, chunk.headings, chunk.text, chunk.first_line, chunk.last_line,
       runbook.collection, runbook.path, runbook.title, fused.fused::float8,
       coalesce(piece.likeness, 0)::float8 AS likeness, coalesce(piece.gist, 0)::float8 AS gist,
       coalesce(said.said, 0)::float8 AS said, coalesce(worded.worded, 0)::float8 AS worded,
       ARRAY(SELECT stem FROM unnest(%(stems)s::text[]) AS stem
             WHERE piece.words @@ quote_literal(stem)::tsquery) AS stems
FROM fused JOIN piece USING (id) LEFT JOIN said USING (id) LEFT JOIN worded USING (id)
JOIN runbook_chunk AS chunk ON chunk.id = fused.id JOIN runbook ON runbook.id = chunk.runbook_id
ORDER BY fused.fused DESC, chunk.id
"""
