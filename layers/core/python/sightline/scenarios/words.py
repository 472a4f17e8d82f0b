"""Words in titles, tags and notes: which of them tell videos apart, and how the best videos are found."""

from dataclasses import dataclass
from typing import Any

from psycopg import sql

from sightline.database import Connection
from sightline.scenarios.answers import WordsUsed
from sightline.scenarios.eligible import eligible, values_of
from sightline.scenarios.filters import Filters

# ts_rank_cd scores every match, so a word in most videos costs more than it tells: 300 ms for 100,000 rows.
MAX_MATCHES = 500
# Videos that a word list brings into the fusion.
MAX_VIDEOS = 50


@dataclass(frozen=True, slots=True)
class Lexical:
    """What the words came to."""

    told: WordsUsed
    select: sql.Composable | None
    values: dict[str, Any]


def lexical(conn: Connection, words: str, filters: Filters) -> Lexical:
    """The stems that few enough videos have, and a SELECT of (asset_id, place) of the best of those."""
    rows = conn.execute(
        sql.SQL(
            "SELECT stem, (SELECT count(*) FROM (SELECT FROM asset JOIN ({eligible}) AS eligible"
            "   ON eligible.asset_id = asset.id WHERE asset.words @@ quote_literal(stem)::tsquery"
            "   LIMIT %(capped)s) AS holds)::int AS videos"
            " FROM unnest(tsvector_to_array(app.words_of(%(words)s, '{{}}', '{{}}'))) AS stem"
        ).format(eligible=eligible(filters)),
        {**values_of(filters), "words": words, "capped": MAX_MATCHES + 1},
    ).fetchall()
    used = [row["stem"] for row in rows if 0 < row["videos"] <= MAX_MATCHES]
    common = [row["stem"] for row in rows if row["videos"] > MAX_MATCHES]
    if not used:
        return Lexical(WordsUsed(used=[], too_common=common, videos=0), None, {})
    values = {"stems": used, "most_videos": MAX_VIDEOS}
    counted = conn.execute(
        sql.SQL("SELECT count(*)::int AS n FROM ({}) AS lexical").format(_select(filters)),
        {**values_of(filters), **values},
    ).fetchone()
    told = WordsUsed(used=used, too_common=common, videos=counted["n"] if counted else 0)
    return Lexical(told, _select(filters), values)


def _select(filters: Filters) -> sql.Composed:
    """Cover density ranks by how near words stand to each other. Source: Clarke et al. 2000 (ts_rank_cd)."""
    return sql.SQL(
        "SELECT asset_id, row_number() OVER (ORDER BY worth DESC, asset_id) AS place FROM ("
        "  SELECT asset.id AS asset_id, ts_rank_cd(asset.words, wanted.query) AS worth"
        "  FROM (SELECT string_agg(quote_literal(stem), ' | ')::tsquery AS query"
        "    FROM unnest(%(stems)s::text[]) AS stem) AS wanted"
        "  JOIN asset ON asset.words @@ wanted.query"
        "  JOIN ({eligible}) AS eligible ON eligible.asset_id = asset.id"
        "  ORDER BY worth DESC, asset.id LIMIT %(most_videos)s) AS best"
    ).format(eligible=eligible(filters))
