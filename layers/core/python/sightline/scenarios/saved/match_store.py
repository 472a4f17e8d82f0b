"""SQL of standing searches and what they found."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from sightline.database import Connection, Row


def ready_run(conn: Connection, asset_id: UUID) -> Row | None:
    """The run that a video shows; None when it cannot be searched."""
    return conn.execute(
        "SELECT id, name, ready_run, metadata, tags FROM asset"
        " WHERE id = %s AND ready_run IS NOT NULL AND deleted_at IS NULL",
        (asset_id,),
    ).fetchone()


def standing(conn: Connection, asset_id: UUID, run: int) -> list[Row]:
    """Standing searches that have not looked at this run yet, or have not told what they found."""
    return conn.execute(
        "SELECT saved.id, saved.name, saved.version, saved.request, saved.bar FROM saved_search AS saved"
        " LEFT JOIN search_match AS match ON match.saved_search_id = saved.id"
        "  AND match.version = saved.version AND match.asset_id = %s AND match.run = %s"
        " WHERE saved.standing AND (match.id IS NULL OR match.told_at IS NULL) ORDER BY saved.id",
        (asset_id, run),
    ).fetchall()


def put_match(
    conn: Connection,
    *,
    workspace_id: str,
    saved: Row,
    asset_id: UUID,
    run: int,
    moments: Sequence[Mapping[str, Any]],
) -> Row:
    """What a search found in a run of a video; what was found first stays."""
    best = max((moment["relevance"] for moment in moments), default=0.0)
    conn.execute(
        "INSERT INTO search_match (workspace_id, saved_search_id, version, asset_id, run, moments, best,"
        " told_at) VALUES (%s, %s, %s, %s, %s, %s, %s, CASE WHEN %s THEN NULL ELSE now() END)"
        " ON CONFLICT DO NOTHING",
        (
            workspace_id,
            saved["id"],
            saved["version"],
            asset_id,
            run,
            Jsonb(list(moments)),
            best,
            bool(moments),
        ),
    )
    row = conn.execute(
        "SELECT * FROM search_match"
        " WHERE saved_search_id = %s AND version = %s AND asset_id = %s AND run = %s",
        (saved["id"], saved["version"], asset_id, run),
    ).fetchone()
    assert row is not None  # noqa: S101 - just written, or there before
    return row


def told(conn: Connection, match_id: UUID) -> None:
    conn.execute("UPDATE search_match SET told_at = now() WHERE id = %s AND told_at IS NULL", (match_id,))


def matches(conn: Connection, saved_id: UUID, *, before: UUID | None, limit: int) -> list[Row]:
    """Newest first; only where something was found."""
    return conn.execute(
        "SELECT match.*, asset.name AS asset_name FROM search_match AS match"
        " JOIN asset ON asset.id = match.asset_id AND asset.deleted_at IS NULL"
        " WHERE match.saved_search_id = %s AND match.moments <> '[]' AND (%s::uuid IS NULL OR match.id < %s)"
        " ORDER BY match.id DESC LIMIT %s",
        (saved_id, before, before, limit),
    ).fetchall()
