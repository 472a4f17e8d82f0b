"""Nearest points among those a filter leaves: exactly or through the HNSW graph, and it says which."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeVar

from pgvector import HalfVector
from psycopg import sql
from psycopg.rows import class_row

from sightline.database import Connection
from sightline.vectors.spaces import Space

Path = Literal["exact", "hnsw"]


class FoundFrame(Protocol):
    """What a row of the answer must tell."""

    @property
    def ranked(self) -> bool:
        """Among the best frames, not beside one of them."""
        ...


Hit = TypeVar("Hit", bound=FoundFrame)

# Visiting a row through the graph costs this many rows of a plain scan: 9 us against 0.45 us, 256 dimensions.
GRAPH_ROW_COST = 20
# hnsw.max_scan_tuples' own default: after so many rows an iterative scan gives up.
MAX_GRAPH_ROWS = 20_000
# An under-return is answered exactly up to here: about 0.1 s of scanning.
MAX_ESCALATED_ROWS = 200_000
# The graph's candidate list, as long as the server allows. A question in words lies apart from all pictures,
# which a graph of pictures serves worst: at 100,000 frames recall@10 was 0.88 with 200 (2 ms), 0.96 with 400
# (4 ms) and 1.00 with 1000 (9 ms); for a picture's own vector 100 gives 1.00.
EF_SEARCH = 1000
# A walk is as long as that for every so many frames of the table. Where a thousand frames are alike, as in a
# million of footage, a walk of 1,000 that began among the wrong ones sees no others: there recall@10 of
# questions in words was 0.86 with 1,000, 0.95 with 2,000 and 0.99 with 3,000, at 10 ms a thousand.
ROWS_A_LEG = 330_000
LONGEST_WALK = 10_000
# The k of reciprocal rank fusion.
FUSION_K = 60
# Of the best sheets one is read whole for so many ranked frames: 50 for 200, which is 3,000 rows and 2 ms.
FRAMES_PER_SHEET_READ = 4


@dataclass(frozen=True, slots=True)
class TableState:
    """What routing needs to know of a space's table: its rows (estimated) and whether a graph is ready."""

    rows: int
    indexed: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """How a search was answered.

    matching: frames the filters left; complete: no frame is missing; escalated: the graph had too few.
    walk: matching frames that the graph gives, the best of which are the candidates.
    """

    path: Path
    matching: int
    candidates: int
    complete: bool
    escalated: bool = False
    walk: int = 0


def visited_rows(*, matching: int, wanted: int, table: TableState) -> int:
    """Rows that the graph visits to find `wanted` matches; it is walked regardless of filters."""
    legs = max(1, round(table.rows / ROWS_A_LEG))
    needed = math.ceil(wanted * max(table.rows, matching) / matching)
    return max(min(LONGEST_WALK, legs * EF_SEARCH), needed)


def walk_of(*, matching: int, wanted: int, table: TableState) -> int:
    """Matching frames that such a walk meets."""
    visited = visited_rows(matching=matching, wanted=wanted, table=table)
    return max(wanted, visited * matching // max(table.rows, matching))


def choose_path(*, matching: int, wanted: int, table: TableState, exact_rows: int) -> Path:
    """Exact while few rows match, or while the graph would visit more than the scan is worth."""
    if not table.indexed or matching <= exact_rows:
        return "exact"
    visited = visited_rows(matching=matching, wanted=wanted, table=table)
    if visited > MAX_GRAPH_ROWS or matching <= visited * GRAPH_ROW_COST:
        return "exact"
    return "hnsw"


def table_state(conn: Connection, space: Space) -> TableState:
    """From the catalog: it costs the same whatever the table holds."""
    row = conn.execute(
        "SELECT greatest(c.reltuples, 0)::bigint AS rows, EXISTS ("
        "   SELECT FROM pg_index i JOIN pg_class k ON k.oid = i.indexrelid JOIN pg_am m ON m.oid = k.relam"
        "   WHERE i.indrelid = c.oid AND m.amname = 'hnsw' AND i.indisvalid) AS indexed"
        " FROM pg_class c WHERE c.oid = to_regclass(%s)",
        (space.table_name,),
    ).fetchone()
    return TableState(**row) if row else TableState(rows=0, indexed=False)


@dataclass(frozen=True, slots=True)
class Target:
    """What frames are ranked by, and what they are ranked for beside it.

    where: a condition on `point` and `eligible` that every frame must meet. lexical: a SELECT of (asset_id,
    place), the best videos by words, to fuse with.
    """

    query: HalfVector
    typical_score: float
    eligible: sql.Composable
    where: sql.Composable
    values: Mapping[str, Any]
    lexical: sql.Composable | None = None


def nearest(
    conn: Connection, *, space: Space, target: Target, select: sql.Composable, plan: Plan, into: type[Hit]
) -> tuple[Plan, list[Hit]]:
    """Filters, ranks and joins in one statement; an under-return of the graph is answered again, exactly.

    select: the final SELECT over `found`, whose rows are the ranked frames and those beside them that score
    at least half as far above a typical frame as their sheet's best (column `ranked` tells them apart).
    """
    cursor = conn.cursor(row_factory=class_row(into))
    wanted = {
        "query": target.query,
        "candidates": plan.candidates,
        "walk": max(plan.candidates, plan.walk),
        "sheets": plan.candidates // FRAMES_PER_SHEET_READ,
        "typical": -target.typical_score,
        "fusion": FUSION_K,
    }
    statement = ranking(space, plan.path, target) + sql.SQL(" ") + select
    with conn.pipeline():
        conn.execute("SELECT app.rank_with(%s, %s)", (plan.path, EF_SEARCH))
        cursor.execute(statement, {**target.values, **wanted})
    hits = cursor.fetchall()
    ranked = sum(hit.ranked for hit in hits)
    complete = plan.path == "exact" or ranked >= min(plan.candidates, plan.matching)
    if not complete and plan.matching <= MAX_ESCALATED_ROWS:
        again = replace(plan, path="exact", escalated=True)
        return nearest(conn, space=space, target=target, select=select, plan=again, into=into)
    return replace(plan, candidates=ranked, complete=complete), hits


NOTHING = sql.SQL("")
# Frames of the best sheets are read whole, so that a moment is not cut short where its frames rank too low.
# OFFSET 0 keeps each sheet's reading apart: joined, the planner may read all sheets of its video.
_RANKED = sql.SQL(
    "  SELECT point.asset_id, point.run, point.sheet_no, point.tile, point.time_s,"
    "         point.embedding <#> %(query)b::{vector} AS distance"
    "  FROM {table} AS point JOIN ({eligible}) AS eligible USING (asset_id, run) WHERE {where}"
    "  ORDER BY (point.embedding <#> %(query)b::{vector}){exactly} LIMIT {most}"
)
# `+ 0`: the planner takes a relaxed order for an order, and would stop at the first candidates.
_WALKED = sql.SQL("SELECT * FROM ({ranked}) AS walked ORDER BY distance + 0 LIMIT %(candidates)s")
_STATEMENT = sql.SQL(
    "WITH {lexical}ranked AS MATERIALIZED ({ranked}"
    "), best AS MATERIALIZED ("
    "  SELECT asset_id, run, sheet_no, min(distance) AS distance FROM ranked"
    "  GROUP BY asset_id, run, sheet_no ORDER BY min(distance), asset_id, sheet_no LIMIT %(sheets)s"
    "), beside AS ("
    "  SELECT point.asset_id, point.run, point.sheet_no, point.tile, point.time_s, point.distance"
    "  FROM best JOIN ({eligible}) AS eligible USING (asset_id, run) CROSS JOIN LATERAL ("
    "    SELECT point.*, point.embedding <#> %(query)b::{vector} AS distance FROM {table} AS point"
    "    WHERE point.asset_id = best.asset_id AND point.run = best.run AND point.sheet_no = best.sheet_no"
    "    OFFSET 0) AS point"
    "  WHERE point.distance <= (best.distance + %(typical)s) / 2 AND {where}"
    "), frame AS MATERIALIZED ("
    "  SELECT asset_id, run, sheet_no, tile, time_s, distance, bool_or(ranked) AS ranked"
    "  FROM (SELECT *, true AS ranked FROM ranked UNION ALL SELECT *, false FROM beside) AS either"
    "  GROUP BY asset_id, run, sheet_no, tile, time_s, distance"
    "), found AS MATERIALIZED ({found})"
)
_BY_VECTOR = sql.SQL('SELECT *, -distance AS "order" FROM frame')
# Reciprocal rank fusion. Source: Cormack, Clarke & Buettcher 2009, with its k of 60.
_FUSED = sql.SQL(
    "SELECT frame.*, 1.0 / (%(fusion)s + rank() OVER (ORDER BY distance))"
    '       + coalesce(1.0 / (%(fusion)s + lexical.place), 0) AS "order"'
    " FROM frame LEFT JOIN lexical USING (asset_id)"
)
# The graph's frames, then those of the videos that the words found: few videos, each compared in full.
_EITHER = sql.SQL(
    "SELECT * FROM ({ranked}) AS by_vector UNION (SELECT worded.* FROM lexical CROSS JOIN LATERAL ("
    "  SELECT point.asset_id, point.run, point.sheet_no, point.tile, point.time_s,"
    "         point.embedding <#> %(query)b::{vector} AS distance"
    "  FROM ({eligible}) AS eligible JOIN {table} AS point USING (asset_id, run)"
    "  WHERE eligible.asset_id = lexical.asset_id AND {where}"
    "  ORDER BY (point.embedding <#> %(query)b::{vector}) + 0 LIMIT 10) AS worded)"
)


def ranking(space: Space, path: Path, target: Target) -> sql.Composed:
    """WITH ... found: the ranked frames and those beside them, each with what it is ordered by."""
    names = _names(space, target)
    ranked = best_of(space, path, target)
    if target.lexical is None:
        return _STATEMENT.format(lexical=NOTHING, ranked=ranked, found=_BY_VECTOR, **names)
    lexical = sql.SQL("lexical AS MATERIALIZED ({}), ").format(target.lexical)
    either = _EITHER.format(ranked=ranked, **names)
    return _STATEMENT.format(lexical=lexical, ranked=either, found=_FUSED, **names)


def best_of(space: Space, path: Path, target: Target) -> sql.Composed:
    """The SELECT of the best frames."""
    names = _names(space, target)
    if path == "hnsw":
        return _WALKED.format(ranked=_RANKED.format(exactly=NOTHING, most=sql.SQL("%(walk)s"), **names))
    # `+ 0` hides the operator from the index: the planner would take the graph for exact searches too.
    return _RANKED.format(exactly=sql.SQL(" + 0"), most=sql.SQL("%(candidates)s"), **names)


def _names(space: Space, target: Target) -> dict[str, sql.Composable]:
    return {
        "vector": vector_type(space),
        "table": space.table,
        "eligible": target.eligible,
        "where": target.where,
    }


def vector_type(space: Space) -> sql.Composed:
    """The typed halfvec a query is cast to: without the cast the index does not match."""
    return sql.SQL("halfvec({})").format(sql.Literal(space.dim))
