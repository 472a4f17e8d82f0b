"""HNSW indexes: built while searches go on, repaired after a cancelled build, never two on one table."""

from collections.abc import Iterator
from typing import Any

from psycopg import sql

from sightline.database import Connection, owner_connection
from sightline.settings import get_settings
from sightline.telemetry import logger
from sightline.vectors.spaces import Space, every_space

# With 24/200 some tight clusters of 100,000 frames could not be walked to from a question in words, however
# long the walk: four of 100 questions found 0 to 0.8 of their ten best frames. With 32/400 they find 0.8 to
# 1. For a picture's own vector 24/200 is 0.9998 at 100k x 512; 16/64 stays at 0.954 (docs/benchmarks.md).
M, EF_CONSTRUCTION = 32, 400
# What one node of the graph takes beside its vector: m neighbours twice on the ground level, with overhead.
NODE_BYTES = 1280
MIB = 1024 * 1024
MIN_MEMORY_MIB = 64
# Any constant will do, as long as every builder takes the same lock. A build outlives a Lambda that timed
# out: its session then still holds the lock, and the next run leaves it alone.
LOCK = 5_149_702_002


def maintain_indexes() -> dict[str, Any]:
    """Builds, repairs and tidies the index of every space, as the owner. Answers what was done."""
    with owner_connection() as conn:
        row = conn.execute("SELECT pg_try_advisory_lock(%s) AS mine", (LOCK,)).fetchone()
        if not row or not row["mine"]:
            return {"busy": True}
        done = [action for space in every_space(conn) for action in _maintain(conn, space)]
    if done:
        logger.info("vector indexes maintained", done=done)
    return {"busy": False, "done": done}


def index_name(space: Space) -> str:
    """Says what it is made of, so that other parameters make another index."""
    return f"{space.table_name}_hnsw_{M}_{EF_CONSTRUCTION}"


def _maintain(conn: Connection, space: Space) -> Iterator[dict[str, str]]:
    wanted, valid = index_name(space), []
    for row in _indexes(conn, space):
        if row["valid"]:
            valid.append(row["name"])
        else:
            yield _drop(conn, row["name"], why="left invalid by a cancelled build")
    if wanted not in valid and _holds_more_than(conn, space, get_settings().index_min_rows):
        yield _build(conn, space)
        valid.append(wanted)
    if wanted in valid:
        for name in valid:
            if name != wanted:
                yield _drop(conn, name, why="another index has taken its place")


def _indexes(conn: Connection, space: Space) -> list[dict[str, Any]]:
    """The table's HNSW indexes, without those that somebody is building right now."""
    return conn.execute(
        "SELECT k.relname AS name, i.indisvalid AS valid"
        " FROM pg_index i JOIN pg_class k ON k.oid = i.indexrelid JOIN pg_am m ON m.oid = k.relam"
        " WHERE i.indrelid = to_regclass(%s) AND m.amname = 'hnsw' AND NOT EXISTS ("
        "   SELECT FROM pg_stat_progress_create_index building WHERE building.index_relid = i.indexrelid)"
        " ORDER BY k.relname",
        (space.table_name,),
    ).fetchall()


def _holds_more_than(conn: Connection, space: Space, rows: int) -> bool:
    row = conn.execute(
        sql.SQL("SELECT count(*) AS n FROM (SELECT FROM {} LIMIT %s) AS seen").format(space.table),
        (rows + 1,),
    ).fetchone()
    return row is not None and row["n"] > rows


def _build(conn: Connection, space: Space) -> dict[str, str]:
    """CONCURRENTLY: searches and uploads go on meanwhile."""
    memory = conn.execute(
        sql.SQL("SELECT count(*) * %s / %s AS mib FROM {}").format(space.table),
        (2 * space.dim + NODE_BYTES, MIB),
    ).fetchone()
    wanted_mib = max(MIN_MEMORY_MIB, int(memory["mib"]) if memory else 0)
    granted_mib = min(wanted_mib, get_settings().index_memory_mib)
    conn.execute("SELECT set_config('maintenance_work_mem', %s, false)", (f"{granted_mib}MB",))
    name = index_name(space)
    conn.execute(
        sql.SQL(
            "CREATE INDEX CONCURRENTLY {} ON {} USING hnsw (embedding halfvec_ip_ops)"
            " WITH (m = {}, ef_construction = {})"
        ).format(sql.Identifier(name), space.table, sql.Literal(M), sql.Literal(EF_CONSTRUCTION))
    )
    return {"built": name}


def _drop(conn: Connection, name: str, *, why: str) -> dict[str, str]:
    conn.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))
    return {"dropped": name, "why": why}
