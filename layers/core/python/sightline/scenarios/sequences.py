"""Steps in time: what follows what, in one video, within a window; found in SQL over the candidates.

Each step gives its best frames (seeds). Around every seed lies the stretch of its video in which the other
steps would have to be; only those stretches are read, and each of their frames is scored for each step. The
best chain that ends with a frame follows from the best chain of the step before within the window (dynamic
programming, one window function a step). A chain is as good as its weakest step: maximin, with the sum as
the tie-break.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql
from psycopg.adapt import PyFormat
from psycopg.rows import dict_row

from sightline.database import Connection, Row
from sightline.scenarios.composed import Direction
from sightline.scenarios.eligible import eligible, shown, values_of
from sightline.scenarios.filters import Filters
from sightline.scenarios.schemas import FrameHit, Moment, NextStep
from sightline.scenarios.store import HIT, WHERE_SHOWN, target_of
from sightline.vectors.calibration import Background
from sightline.vectors.search import EF_SEARCH, Plan, best_of, vector_type
from sightline.vectors.spaces import Space

# Frames of each step that chains are looked for around.
SEEDS = 400
# Chains that an answer is made of; they are weighed again, and most overlap others.
MAX_CHAINS = 1000


@dataclass(frozen=True, slots=True)
class Chained:
    """Steps with their directions, their backgrounds and the windows between them."""

    steps: Sequence[Direction]
    nulls: Sequence[Background]
    windows_s: Sequence[float]

    @classmethod
    def of(
        cls, steps: Sequence[Direction], nulls: Sequence[Background], then: Sequence[NextStep]
    ) -> "Chained":
        """Windows are those of the steps that follow."""
        return cls(steps, nulls, [step.within_s for step in then])

    @property
    def reach_s(self) -> float:
        """How far from any step of a chain another one can lie."""
        return sum(self.windows_s)


def find_chains(
    conn: Connection, *, space: Space, chained: Chained, filters: Filters, plan: Plan
) -> tuple[Plan, list[Moment]]:
    """The best chain to each of the best last frames, best first by how far the weakest step stands out."""
    conn.execute("SELECT app.rank_with(%s, %s)", (plan.path, EF_SEARCH))
    cursor = conn.cursor(row_factory=dict_row)
    statement = _statement(space, chained, filters, plan)
    rows = cursor.execute(statement, _values(chained, filters, plan)).fetchall()
    chains: dict[int, list[Row]] = {}
    for row in rows:
        chains.setdefault(row.pop("chain"), []).append(row)
    moments = [_moment(chain) for _, chain in sorted(chains.items())]
    return Plan(plan.path, plan.matching, len(rows), complete=True), moments


def apart(moments: Sequence[Moment]) -> list[Moment]:
    """Of chains of a video that overlap, the best (non-maximum suppression in time). Best first."""
    kept: list[Moment] = []
    for moment in moments:
        near = (one for one in kept if one.peak.asset_id == moment.peak.asset_id)
        if all(moment.end_s <= one.start_s or moment.start_s >= one.end_s for one in near):
            kept.append(moment)
    return kept


def _moment(chain: list[Row]) -> Moment:
    """The weakest step is the peak: what the chain is worth is what that frame is worth."""
    chain.sort(key=lambda row: row["step"])
    worth = chain[0]["worth"]
    weakest = min(range(len(chain)), key=lambda i: chain[i]["z"])
    hits = tuple(
        FrameHit(**{k: v for k, v in row.items() if k not in ("worth", "step", "z")}, ranked=True)
        for row in chain
    )
    last = hits[-1]
    end_s = last.time_s + last.interval_s
    if last.duration_s is not None:
        end_s = max(min(end_s, last.duration_s), last.time_s)
    return Moment(peak=hits[weakest], start_s=hits[0].time_s, end_s=end_s, rank=worth, steps=hits)


def _values(chained: Chained, filters: Filters, plan: Plan) -> dict[str, Any]:
    values: dict[str, Any] = values_of(filters) | {
        "candidates": SEEDS,
        "walk": max(SEEDS, plan.walk),
        "chains": MAX_CHAINS,
        "reach": chained.reach_s,
    }
    for number, (step, null) in enumerate(zip(chained.steps, chained.nulls, strict=True)):
        values |= {
            f"query{number}": step.vector,
            f"centre{number}": null.centre,
            f"spread{number}": null.spread,
        }
        for place, barred in enumerate(step.without):
            values |= {f"s{number}_not{place}": barred.vector, f"s{number}_bar{place}": barred.bar}
    for number, window_s in enumerate(chained.windows_s, 1):
        values[f"window{number}"] = window_s
    return values


def _statement(space: Space, chained: Chained, filters: Filters, plan: Plan) -> sql.Composed:
    steps = range(len(chained.steps))
    parts = [
        sql.SQL("seed{n} AS MATERIALIZED ({best})").format(
            n=sql.SQL(str(n)),
            best=_renamed(space, chained.steps[n], filters, plan, n),
        )
        for n in steps
    ]
    parts.append(_stretches(steps))
    parts.append(_scored(space, chained, filters))
    parts += [_chain(n) for n in steps]
    return sql.SQL("WITH {}{}").format(sql.SQL(", ").join(parts), _answer(steps))


def _renamed(space: Space, step: Direction, filters: Filters, plan: Plan, number: int) -> sql.Composed:
    """A step's own ranking, its parameters under names of its own."""
    target = target_of(step, space=space, typical_score=0.0, filters=filters)
    text = best_of(space, plan.path, target).as_string()
    for place in range(len(step.without)):
        text = text.replace(f"%(not{place})", f"%(s{number}_not{place})")
        text = text.replace(f"%(bar{place})", f"%(s{number}_bar{place})")
    return sql.Composed([sql.SQL(text.replace("%(query)", f"%(query{number})"))])


def _stretches(steps: range) -> sql.Composed:
    """The sheets that hold frames within reach of a seed, each once, with the stretches to read of them."""
    seed = "SELECT asset_id, run, time_s FROM {}"
    seeds = [sql.SQL(seed).format(sql.Identifier(f"seed{n}")) for n in steps]
    return sql.SQL(
        "reached AS MATERIALIZED (SELECT DISTINCT seed.asset_id, seed.run, sheet.sheet_no, seed.time_s"
        " FROM ({seeds}) AS seed JOIN media_sheet AS sheet ON sheet.workspace_id = app.workspace()"
        "  AND sheet.asset_id = seed.asset_id AND sheet.run = seed.run"
        "  AND sheet.times_s[1] <= seed.time_s + %(reach)s"
        "  AND sheet.times_s[sheet.tiles] >= seed.time_s - %(reach)s),"
        " sheets AS MATERIALIZED (SELECT asset_id, run, sheet_no, array_agg(time_s) AS seeds_s FROM reached"
        "  GROUP BY asset_id, run, sheet_no)"
    ).format(seeds=sql.SQL(" UNION ").join(seeds))


def _scored(space: Space, chained: Chained, filters: Filters) -> sql.Composed:
    """Every frame within reach of a seed, with each step's distance and how many spreads it stands out."""
    columns = []
    for n, step in enumerate(chained.steps):
        query = sql.Placeholder(f"query{n}", format=PyFormat.BINARY)
        without = [
            sql.SQL("-(point.embedding <#> {}::{}) >= {}").format(
                sql.Placeholder(f"s{n}_not{place}", format=PyFormat.BINARY),
                vector_type(space),
                sql.Placeholder(f"s{n}_bar{place}"),
            )
            for place in range(len(step.without))
        ]
        barred = sql.SQL(" OR ").join(without) if without else sql.SQL("false")
        columns.append(
            sql.SQL(
                "point.embedding <#> {query}::{vector} AS d{n}, CASE WHEN {barred} THEN NULL"
                " ELSE (-(point.embedding <#> {query}::{vector}) - {centre}) / {spread} END AS z{n}"
            ).format(
                query=query,
                vector=vector_type(space),
                barred=barred,
                centre=sql.Placeholder(f"centre{n}"),
                spread=sql.Placeholder(f"spread{n}"),
                n=sql.SQL(str(n)),
            )
        )
    return sql.SQL(
        "frame AS MATERIALIZED (SELECT point.asset_id, point.run, point.sheet_no, point.tile,"
        "   point.time_s, {columns}"
        " FROM sheets JOIN {table} AS point USING (asset_id, run, sheet_no)"
        " JOIN ({eligible}) AS eligible USING (asset_id, run)"
        " WHERE {shown} AND EXISTS (SELECT FROM unnest(sheets.seeds_s) AS seed (time_s)"
        "  WHERE abs(point.time_s - seed.time_s) <= %(reach)s))"
    ).format(
        columns=sql.SQL(", ").join(columns),
        table=space.table,
        eligible=eligible(filters),
        shown=shown(filters),
    )


def _chain(n: int) -> sql.Composed:
    """Per frame, the best chain whose step n it is: [weakest z, sum of z, time of step 0, 1, ...]."""
    if n == 0:
        return sql.SQL(
            "chain0 AS MATERIALIZED (SELECT frame.*, CASE WHEN z0 IS NOT NULL THEN ARRAY[z0, z0, time_s] END"
            " AS best0 FROM frame)"
        ).format()
    names = {name: sql.Identifier(f"{name}{n}") for name in ("before", "chain", "earlier", "best", "z")}
    return sql.SQL(
        "{before} AS MATERIALIZED (SELECT *, max({had}) OVER (PARTITION BY asset_id ORDER BY time_s"
        "  RANGE BETWEEN {window} PRECEDING AND {instant} PRECEDING) AS {earlier} FROM {chained}),"
        " {chain} AS MATERIALIZED (SELECT *, CASE WHEN {earlier} IS NOT NULL AND {z} IS NOT NULL"
        "  THEN ARRAY[least({earlier}[1], {z}), {earlier}[2] + {z}] || {earlier}[3:] || time_s END AS {best}"
        "  FROM {before})"
    ).format(
        had=sql.Identifier(f"best{n - 1}"),
        chained=sql.Identifier(f"chain{n - 1}"),
        window=sql.SQL("{}::float8").format(sql.Placeholder(f"window{n}")),
        instant=sql.SQL("1e-6::float8"),
        **names,
    )


def _answer(steps: range) -> sql.Composed:
    """The frames of the best chains, one row a step."""
    last = steps[-1]
    by_step = {
        name: sql.SQL("CASE step.n {} END").format(
            sql.SQL(" ").join(
                sql.SQL("WHEN {} THEN found.{}").format(sql.Literal(n + 1), sql.Identifier(f"{name}{n}"))
                for n in steps
            )
        )
        for name in ("d", "z")
    }
    return sql.SQL(
        ", top AS MATERIALIZED (SELECT asset_id, {best} AS best,"
        "   {best}[1] + 1e-3 * {best}[2] / {count} AS worth FROM {chain}"
        "  WHERE {best} IS NOT NULL ORDER BY worth DESC, asset_id, time_s LIMIT %(chains)s),"
        " numbered AS (SELECT *, row_number() OVER (ORDER BY worth DESC, asset_id, best) AS chain FROM top),"
        " one AS MATERIALIZED (SELECT found.asset_id, found.run, found.sheet_no, found.tile, found.time_s,"
        "   {distance} AS distance, {z} AS z, numbered.chain, numbered.worth, step.n AS step"
        "  FROM numbered CROSS JOIN LATERAL unnest(numbered.best[3:]) WITH ORDINALITY AS step (time_s, n)"
        "  JOIN frame AS found ON found.asset_id = numbered.asset_id AND found.time_s = step.time_s)"
        " SELECT {hit}, one.z, one.chain, one.worth, one.step FROM one {joins} ORDER BY one.chain, one.step"
    ).format(
        best=sql.Identifier(f"best{last}"),
        chain=sql.Identifier(f"chain{last}"),
        count=sql.Literal(len(steps)),
        distance=by_step["d"],
        z=by_step["z"],
        hit=HIT.format(found=sql.SQL("one")),
        joins=WHERE_SHOWN.format(found=sql.SQL("one")),
    )
