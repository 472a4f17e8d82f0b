"""SQL of one indexing run: every change names the run, so that an older one changes nothing any more."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from sightline.database import Connection, Row
from sightline.media.failures import Failure
from sightline.media.sampling import Chunk, Plan

_BEGIN = (
    "status = 'processing', stage = 'queued', run = run + 1, plan = NULL, frames_total = NULL,"
    " frames_done = 0, model_id = NULL, model_revision = NULL, failure_code = NULL, failure_reason = NULL,"
    " admitted_at = NULL, heartbeat_at = now(), updated_at = now()"
)


def begin_first_run(conn: Connection, asset_id: UUID, *, version_id: str) -> Row | None:
    """The upload arrived: binds its version. None when one had arrived before, or nobody waits for it."""
    return conn.execute(
        f"UPDATE asset SET {_BEGIN}, source_version = %s, upload_id = NULL"  # noqa: S608
        " WHERE id = %s AND deleted_at IS NULL AND source_version IS NULL"
        " AND status IN ('awaiting_upload', 'expired') RETURNING *",
        (version_id, asset_id),
    ).fetchone()


def queued_first_run(conn: Connection, asset_id: UUID, *, version_id: str) -> Row | None:
    """The first run, while no step of it has begun."""
    return conn.execute(
        "SELECT * FROM asset WHERE id = %s AND deleted_at IS NULL AND source_version = %s AND run = 1"
        " AND status = 'processing' AND stage = 'queued'",
        (asset_id, version_id),
    ).fetchone()


def begin_next_run(
    conn: Connection, asset_id: UUID, *, after_run: int, status: str, redrive: bool
) -> Row | None:
    """Starts over. None when somebody else did, or the asset is in another state."""
    return conn.execute(
        f"UPDATE asset SET {_BEGIN}, redrives = CASE WHEN %s THEN redrives + 1 ELSE 0 END"  # noqa: S608
        " WHERE id = %s AND deleted_at IS NULL AND source_version IS NOT NULL AND run = %s AND status = %s"
        " RETURNING *",
        (redrive, asset_id, after_run, status),
    ).fetchone()


def running(conn: Connection, asset_id: UUID, run: int, *, lock: bool = False) -> Row | None:
    """The asset, while this run is the one being worked on."""
    query = "SELECT * FROM asset WHERE id = %s AND run = %s AND status = 'processing' AND deleted_at IS NULL"
    return conn.execute(query + " FOR NO KEY UPDATE" if lock else query, (asset_id, run)).fetchone()


def finished(conn: Connection, asset_id: UUID, run: int) -> Row | None:
    """The asset, when this run is the one it shows."""
    return conn.execute(
        "SELECT * FROM asset WHERE id = %s AND run = %s AND ready_run = run AND status = 'ready'"
        " AND deleted_at IS NULL",
        (asset_id, run),
    ).fetchone()


def set_stage(conn: Connection, asset_id: UUID, run: int, stage: str) -> Row | None:
    """Where the run is; also says that it lives."""
    return conn.execute(
        "UPDATE asset SET stage = %s, heartbeat_at = now(), updated_at = now()"
        " WHERE id = %s AND run = %s AND status = 'processing' AND deleted_at IS NULL RETURNING *",
        (stage, asset_id, run),
    ).fetchone()


def save_plan(
    conn: Connection, row: Row, *, facts: Mapping[str, Any], plan: Plan, chunks: Sequence[Chunk], frames: int
) -> None:
    """What the probe found and how the video is cut. Written again by a retry, it is the same."""
    asset_id, run = row["id"], row["run"]
    conn.execute(
        "UPDATE asset SET container = %(container)s, codec = %(codec)s, duration_s = %(duration_s)s,"
        " width = %(width)s, height = %(height)s, fps = %(fps)s, variable_fps = %(variable_fps)s,"
        " rotation = %(rotation)s, plan = %(plan)s, frames_total = %(frames)s, stage = 'indexing',"
        " heartbeat_at = now(), updated_at = now() WHERE id = %(asset_id)s AND run = %(run)s",
        {**facts, "plan": Jsonb(plan.as_json()), "frames": frames, "asset_id": asset_id, "run": run},
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO media_chunk (workspace_id, asset_id, run, first_sheet, start_s, end_s)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [(row["workspace_id"], asset_id, run, c.first_sheet, c.start_s, c.end_s) for c in chunks],
        )


def save_sheets(
    conn: Connection,
    row: Row,
    *,
    chunk: Chunk,
    sheets: Sequence[Mapping[str, Any]],
    frames: int,
    damaged: int,
) -> None:
    """The sheets of one chunk, which is then done. A retry writes the same rows."""
    ids = {"workspace_id": row["workspace_id"], "asset_id": row["id"], "run": row["run"]}
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO media_sheet (workspace_id, asset_id, run, sheet_no, object_key, columns, tile_width,"
            " tile_height, tiles, times_s) VALUES (%(workspace_id)s, %(asset_id)s, %(run)s, %(sheet_no)s,"
            " %(object_key)s, %(columns)s, %(tile_width)s, %(tile_height)s, %(tiles)s, %(times_s)s)"
            " ON CONFLICT (workspace_id, asset_id, run, sheet_no) DO NOTHING",
            [{**ids, **sheet} for sheet in sheets],
        )
    conn.execute(
        "UPDATE media_chunk SET frames = %s, damaged = %s, done_at = coalesce(done_at, now())"
        " WHERE asset_id = %s AND run = %s AND first_sheet = %s",
        (frames, damaged, row["id"], row["run"], chunk.first_sheet),
    )
    conn.execute("UPDATE asset SET heartbeat_at = now() WHERE id = %s AND run = %s", (row["id"], row["run"]))


def sheet(conn: Connection, asset_id: UUID, run: int, sheet_no: int) -> Row | None:
    """One contact sheet."""
    return conn.execute(
        "SELECT * FROM media_sheet WHERE asset_id = %s AND run = %s AND sheet_no = %s",
        (asset_id, run, sheet_no),
    ).fetchone()


def pin_model(conn: Connection, asset_id: UUID, run: int, *, model_id: str, revision: str) -> tuple[str, str]:
    """Which model and revision embed this run: those of its first sheet, whoever comes later."""
    row = conn.execute(
        "UPDATE asset SET model_id = coalesce(model_id, %s), model_revision = coalesce(model_revision, %s)"
        " WHERE id = %s AND run = %s RETURNING model_id, model_revision",
        (model_id, revision, asset_id, run),
    ).fetchone()
    assert row is not None  # noqa: S101 - the caller holds the row's lock
    return row["model_id"], row["model_revision"]


def mark_embedded(conn: Connection, asset_id: UUID, run: int, sheet_no: int) -> None:
    """Counts a sheet's frames as done, once; also says that the run lives."""
    counted = conn.execute(
        "UPDATE media_sheet SET embedded_at = now()"
        " WHERE asset_id = %s AND run = %s AND sheet_no = %s AND embedded_at IS NULL RETURNING tiles",
        (asset_id, run, sheet_no),
    ).fetchone()
    conn.execute(
        "UPDATE asset SET frames_done = frames_done + %s, heartbeat_at = now(), updated_at = now()"
        " WHERE id = %s AND run = %s",
        (counted["tiles"] if counted else 0, asset_id, run),
    )


def tally(conn: Connection, asset_id: UUID, run: int) -> Row:
    """What a run has done: chunks and sheets left to do, frames stored, damage."""
    row = conn.execute(
        "SELECT chunks.*, sheets.* FROM"
        " (SELECT count(*) FILTER (WHERE done_at IS NULL) AS chunks_left, count(*) AS chunks,"
        "         coalesce(sum(damaged), 0) AS damaged"
        "  FROM media_chunk WHERE asset_id = %s AND run = %s) chunks,"
        " (SELECT count(*) FILTER (WHERE embedded_at IS NULL) AS sheets_left,"
        "         coalesce(sum(tiles), 0) AS frames"
        "  FROM media_sheet WHERE asset_id = %s AND run = %s) sheets",
        (asset_id, run, asset_id, run),
    ).fetchone()
    assert row is not None  # noqa: S101 - aggregates give one row
    return row


def finish(conn: Connection, asset_id: UUID, run: int, *, frames: int) -> Row | None:
    """Shows this run in place of older ones, whose sheets go. None when the run is not being worked on."""
    row = conn.execute(
        "UPDATE asset SET status = 'ready', stage = NULL, ready_run = run, redrives = 0, frames_total = %s,"
        " frames_done = %s, heartbeat_at = now(), updated_at = now()"
        " WHERE id = %s AND run = %s AND status = 'processing' AND deleted_at IS NULL RETURNING *",
        (frames, frames, asset_id, run),
    ).fetchone()
    if row is not None:
        conn.execute("DELETE FROM media_sheet WHERE asset_id = %s AND run <> %s", (asset_id, run))
        conn.execute("DELETE FROM media_chunk WHERE asset_id = %s AND run <> %s", (asset_id, run))
    return row


def fail(conn: Connection, asset_id: UUID, run: int, failure: Failure) -> Row | None:
    """Ends a run. What was indexed before stays shown; without it the asset has failed."""
    return conn.execute(
        "UPDATE asset SET status = CASE WHEN ready_run IS NULL THEN 'failed' ELSE 'ready' END, stage = NULL,"
        " failure_code = %s, failure_reason = %s, heartbeat_at = now(), updated_at = now()"
        " WHERE id = %s AND run = %s AND status = 'processing' AND deleted_at IS NULL RETURNING *",
        (failure.code, failure.reason, asset_id, run),
    ).fetchone()
