"""The runbooks that may fit a question, by vector and by words in one statement, and all that judges them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pgvector import HalfVector

from sightline.database import Connection, Row
from sightline.incidents.runbooks.weighing import Asked, rarity

FUSION_K = 60
"""Source: Cormack, Clarke & Buettcher 2009."""
CANDIDATES = 40
"""Runbooks of each of the lists that are fused, and of the fused one."""
MAX_SHARE, FEW = 0.3, 20
"""A word that more of the runbooks have finds none, and ts_rank scores every match; a few are no harm."""
WEIGHTS = [0.2, 0.4, 0.7, 1.0]
"""Of a word in the text (D), in path and names (C), in what it is about (B), in the title (A)."""
CONTEXT_WEIGHT = 0.5
"""Of what an incident's alerts say beside the question itself."""


@dataclass(frozen=True, slots=True)
class Query:
    """Words that are asked for, and vectors of the question, of the question with what runbooks would write
    for it, and of its incident, where a model made them. space: whose vectors may be compared with them.
    """

    words: Sequence[Asked]
    vectors: Sequence[HalfVector] = ()
    space: str = ""

    @property
    def vector(self) -> HalfVector | None:
        """The middle of the question's two, drawn towards its incident's."""
        if not self.vectors:
            return None
        rows = [row.to_numpy().astype(np.float32) for row in self.vectors]
        asked = rows[0] + rows[1]
        asked /= np.linalg.norm(asked)
        mixed = asked + CONTEXT_WEIGHT * sum(rows[2:], start=np.zeros_like(asked))
        return HalfVector(mixed / np.linalg.norm(mixed))


@dataclass(frozen=True, slots=True)
class Known:
    """What this workspace's runbooks know of the words: how many have each; worth: its rarity."""

    runbooks: int
    having: Mapping[str, int]
    worth: Mapping[str, float]

    def findable(self, words: Sequence[Asked]) -> list[Asked]:
        """Those that few enough have, and some."""
        most = max(FEW, MAX_SHARE * self.runbooks)
        return [one for one in words if 0 < self.having[one.stem] <= most]


def known(conn: Connection, words: Sequence[Asked]) -> Known:
    """Words that none has are the rarest of all."""
    rows = conn.execute(_KNOWN, {"words": [one.word for one in words]}).fetchall()
    runbooks = rows[0]["runbooks"] if rows else 0
    having = {one.stem: row["having"] for one, row in zip(words, rows, strict=True)}
    return Known(runbooks, having, {stem: rarity(runbooks, n) for stem, n in having.items()})


def candidates(conn: Connection, query: Query, told: Known) -> list[Row]:
    """Pieces of the runbooks of any list, those of the best runbook by reciprocal rank first."""
    used = told.findable(query.words)
    return conn.execute(
        _CANDIDATES,
        {
            "vector": query.vector,
            "space": query.space if query.vectors else "",
            "words": [one.word for one in used],
            "worth": [one.share * told.worth[one.stem] for one in used],
            "weights": WEIGHTS,
            "k": FUSION_K,
            "most": CANDIDATES,
        },
    ).fetchall()


# A word of no stem (a stop word to Postgres) is one that all have.
_KNOWN = """
SELECT total.runbooks, CASE WHEN numnode(asked.query) = 0 THEN total.runbooks ELSE (
         SELECT count(*) FROM runbook WHERE words @@ asked.query) END::int AS having
FROM (SELECT count(*)::int AS runbooks FROM runbook) AS total,
     (SELECT place, plainto_tsquery('english', word) AS query
      FROM unnest(%(words)s::text[]) WITH ORDINALITY AS given (word, place)) AS asked
ORDER BY asked.place
"""

_CANDIDATES = """
WITH piece AS MATERIALIZED (
  SELECT chunk.id, chunk.runbook_id, -(chunk.vector <#> %(vector)b::halfvec(384)) AS likeness,
         -(runbook.gist <#> %(vector)b::halfvec(384)) AS gist,
         -(runbook.named <#> %(vector)b::halfvec(384)) AS named
  FROM runbook_chunk AS chunk JOIN runbook ON runbook.id = chunk.runbook_id WHERE runbook.space = %(space)s
), said AS MATERIALIZED (
  SELECT piece.id, piece.runbook_id, max(-(sentence.vector <#> %(vector)b::halfvec(384))) AS said
  FROM runbook_sentence AS sentence JOIN piece ON piece.id = sentence.chunk_id
  GROUP BY piece.id, piece.runbook_id
), worded AS MATERIALIZED (
  SELECT runbook.id AS runbook_id,
         sum(term.worth * ts_rank(%(weights)s::float4[], words, term.query)) AS worded
  FROM (SELECT worth, plainto_tsquery('english', word) AS query
        FROM unnest(%(words)s::text[], %(worth)s::float8[]) AS given (word, worth)) AS term
  JOIN runbook ON runbook.words @@ term.query
  GROUP BY runbook.id
), valued AS (
  SELECT 'likeness' AS list, runbook_id, max(likeness) AS value FROM piece GROUP BY runbook_id
  UNION ALL SELECT 'gist', runbook_id, max(gist) FROM piece GROUP BY runbook_id
  UNION ALL SELECT 'named', runbook_id, max(named) FROM piece GROUP BY runbook_id
  UNION ALL SELECT 'said', runbook_id, max(said) FROM said GROUP BY runbook_id
  UNION ALL SELECT 'worded', runbook_id, worded FROM worded
), listed AS (
  SELECT runbook_id, row_number() OVER (PARTITION BY list ORDER BY value DESC, runbook_id) AS place
  FROM valued
), fused AS (
  SELECT runbook_id, sum(1.0 / (%(k)s + place)) AS fused FROM listed WHERE place <= %(most)s
  GROUP BY runbook_id ORDER BY 2 DESC, runbook_id LIMIT %(most)s
)
SELECT chunk.id, chunk.runbook_id, chunk.headings, chunk.text, chunk.first_line, chunk.last_line,
       runbook.collection, runbook.path, runbook.title, runbook.about, runbook.impact, runbook.content,
       coalesce(piece.likeness, 0)::float8 AS likeness, coalesce(piece.gist, 0)::float8 AS gist,
       coalesce(piece.named, 0)::float8 AS named, coalesce(said.said, 0)::float8 AS said
FROM fused JOIN runbook ON runbook.id = fused.runbook_id JOIN runbook_chunk AS chunk USING (runbook_id)
LEFT JOIN piece ON piece.id = chunk.id LEFT JOIN said ON said.id = chunk.id
ORDER BY fused.fused DESC, runbook.id, chunk.place
"""
