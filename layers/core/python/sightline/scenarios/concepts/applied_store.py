"""SQL of applied concepts: which are in use, and what shows them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import sql

from sightline.database import Connection, Row
from sightline.scenarios.concepts.schemas import Hit

_KEPT = (
    "SELECT concept.id, concept.workspace_id, concept.name, concept.bar, kept.version, kept.model_id,"
    " kept.dim, kept.weights, kept.bias, kept.calibration FROM concept"
    " JOIN concept_version AS kept ON kept.concept_id = concept.id AND kept.version = concept.kept_version"
)


def kept_concepts(conn: Connection) -> list[Row]:
    """Every concept that is in use, with what it takes to apply it."""
    return conn.execute(f"{_KEPT} ORDER BY concept.id").fetchall()


def kept_concept(conn: Connection, concept_id: UUID) -> Row | None:
    return conn.execute(f"{_KEPT} WHERE concept.id = %s", (concept_id,)).fetchone()


def find_kept(conn: Connection, *, name_or_id: str, model_id: str, dim: int) -> Row | None:
    """The kept version of a concept, in one model's space. A name comes before an id."""
    return conn.execute(
        f"{_KEPT} WHERE (concept.name = %(asked)s OR concept.id::text = lower(%(asked)s))"
        " AND kept.model_id = %(model)s AND kept.dim = %(dim)s"
        " ORDER BY concept.name = %(asked)s DESC LIMIT 1",
        {"asked": name_or_id, "model": model_id, "dim": dim},
    ).fetchone()


def ready_assets(conn: Connection, *, after: UUID | None, limit: int) -> list[Row]:
    """Videos that can be searched, in order of ids."""
    return conn.execute(
        "SELECT id, ready_run FROM asset WHERE ready_run IS NOT NULL AND deleted_at IS NULL"
        " AND (%s::uuid IS NULL OR id > %s) ORDER BY id LIMIT %s",
        (after, after, limit),
    ).fetchall()


def shown_asset(conn: Connection, asset_id: UUID) -> Row | None:
    """A video that can be searched; it keeps this run until the transaction ends."""
    return conn.execute(
        "SELECT id, ready_run, interval_s FROM asset"
        " WHERE id = %s AND ready_run IS NOT NULL AND deleted_at IS NULL FOR NO KEY UPDATE",
        (asset_id,),
    ).fetchone()


def scores(
    conn: Connection, *, table: sql.Identifier, dim: int, direction: Any, asset_id: UUID, run: int
) -> list[Row]:
    """The inner product of every frame of a video with a direction."""
    return conn.execute(
        sql.SQL(
            "SELECT time_s, -(embedding <#> %(direction)s::{vector}) AS score FROM {table}"
            " WHERE workspace_id = app.workspace() AND asset_id = %(asset)s AND run = %(run)s"
        ).format(table=table, vector=sql.SQL("halfvec({})").format(sql.Literal(dim))),
        {"direction": direction, "asset": asset_id, "run": run},
    ).fetchall()


def replace_hits(
    conn: Connection, *, kept: Row, asset_id: UUID, run: int, confidence: float, hits: Sequence[Hit]
) -> None:
    """What a concept says of a video, in place of what it said before."""
    ids = {
        "workspace": kept["workspace_id"],
        "concept": kept["id"],
        "asset": asset_id,
        "version": kept["version"],
    }
    conn.execute("DELETE FROM concept_hit WHERE concept_id = %(concept)s AND asset_id = %(asset)s", ids)
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO concept_hit (workspace_id, concept_id, asset_id, version, start_s, end_s, peak_s,"
            " confidence) VALUES (%(workspace)s, %(concept)s, %(asset)s, %(version)s, %(start)s, %(end)s,"
            " %(peak)s, %(confidence)s)",
            [
                {**ids, "start": h.start_s, "end": h.end_s, "peak": h.peak_s, "confidence": h.confidence}
                for h in hits
            ],
        )
    conn.execute(
        "INSERT INTO concept_asset (workspace_id, concept_id, asset_id, version, run, confidence, moments)"
        " VALUES (%(workspace)s, %(concept)s, %(asset)s, %(version)s, %(run)s, %(confidence)s, %(moments)s)"
        " ON CONFLICT (workspace_id, concept_id, asset_id) DO UPDATE SET version = excluded.version,"
        " run = excluded.run, confidence = excluded.confidence, moments = excluded.moments,"
        " applied_at = now()",
        {**ids, "run": run, "confidence": confidence, "moments": len(hits)},
    )


def set_tag(conn: Connection, asset_id: UUID, *, tag: str, shows: bool, most: int) -> None:
    """Puts a tag on a video or takes it off; a video full of tags keeps its owner's."""
    change = (
        "UPDATE asset SET tags = tags || %(tag)s, updated_at = now()"
        " WHERE id = %(id)s AND NOT tags @> ARRAY[%(tag)s] AND cardinality(tags) < %(most)s"
        if shows
        else "UPDATE asset SET tags = array_remove(tags, %(tag)s), updated_at = now()"
        " WHERE id = %(id)s AND tags @> ARRAY[%(tag)s]"
    )
    conn.execute(change, {"id": asset_id, "tag": tag, "most": most})


def hits(
    conn: Connection, concept_id: UUID, *, asset_id: UUID | None, after: tuple[float, str] | None, limit: int
) -> list[Row]:
    """Moments that show it, surest first."""
    confidence, hit_id = after or (None, None)
    return conn.execute(
        "SELECT hit.*, asset.name AS asset_name FROM concept_hit AS hit"
        " JOIN asset ON asset.id = hit.asset_id AND asset.deleted_at IS NULL"
        " WHERE hit.concept_id = %(concept)s AND (%(asset)s::uuid IS NULL OR hit.asset_id = %(asset)s)"
        " AND (%(confidence)s::float8 IS NULL"
        "   OR (-hit.confidence, hit.id) > (-%(confidence)s, %(id)s::uuid))"
        " ORDER BY hit.confidence DESC, hit.id LIMIT %(limit)s",
        {"concept": concept_id, "asset": asset_id, "confidence": confidence, "id": hit_id, "limit": limit},
    ).fetchall()


def tagged_assets(
    conn: Connection, concept_id: UUID, *, after: tuple[float, str] | None, limit: int
) -> list[Row]:
    """Videos that show it, surest first."""
    confidence, asset_id = after or (None, None)
    return conn.execute(
        "SELECT said.*, asset.name AS asset_name FROM concept_asset AS said"
        " JOIN asset ON asset.id = said.asset_id AND asset.deleted_at IS NULL"
        " WHERE said.concept_id = %(concept)s AND said.moments > 0 AND (%(confidence)s::float8 IS NULL"
        "   OR (-said.confidence, said.asset_id) > (-%(confidence)s, %(id)s::uuid))"
        " ORDER BY said.confidence DESC, said.asset_id LIMIT %(limit)s",
        {"concept": concept_id, "confidence": confidence, "id": asset_id, "limit": limit},
    ).fetchall()
