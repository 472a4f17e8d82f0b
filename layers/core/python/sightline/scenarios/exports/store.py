"""SQL of exports. A worker's changes name it, so that one that was replaced changes nothing any more."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from sightline.database import Connection, Row

_SHOWN = (
    "SELECT job.*, (SELECT count(*) FROM export_moment WHERE export_id = job.id) AS moments,"
    " (SELECT count(*) FROM export_piece WHERE export_id = job.id AND problem IS NOT NULL) AS left_out"
    " FROM export_job AS job WHERE deleted_at IS NULL"
)


def add_export(conn: Connection, **values: Any) -> UUID:
    """A new export that nobody works on yet."""
    row = conn.execute(
        "INSERT INTO export_job (workspace_id, created_by, name, request)"
        " VALUES (%(workspace_id)s, %(created_by)s, %(name)s, %(request)s) RETURNING id",
        {**values, "request": Jsonb(values["request"])},
    ).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING gives the row
    return UUID(str(row["id"]))


def export(conn: Connection, export_id: UUID) -> Row | None:
    """An export that is not deleted, with its counts."""
    return conn.execute(f"{_SHOWN} AND id = %s", (export_id,)).fetchone()


def exports(conn: Connection, *, before: UUID | None, limit: int) -> list[Row]:
    """Newest first."""
    return conn.execute(
        f"{_SHOWN} AND (%(before)s::uuid IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s",
        {"before": before, "limit": limit},
    ).fetchall()


def any_export(conn: Connection, export_id: UUID) -> Row | None:
    """An export, deleted or not: for those who clean up."""
    return conn.execute("SELECT * FROM export_job WHERE id = %s", (export_id,)).fetchone()


def known_assets(conn: Connection, asset_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the videos that are indexed and not deleted."""
    rows = conn.execute(
        "SELECT id FROM asset WHERE id = ANY(%s) AND deleted_at IS NULL AND ready_run IS NOT NULL",
        (list(asset_ids),),
    ).fetchall()
    return {row["id"] for row in rows}


def is_recorded(conn: Connection, search_id: UUID) -> bool:
    """Whether a search of this workspace was asked before."""
    return conn.execute("SELECT 1 FROM search WHERE id = %s", (search_id,)).fetchone() is not None


_MOMENT = ("asset_id", "start_s", "end_s", "peak_s", "score", "relevance")


def add_moments(
    conn: Connection, *, workspace_id: UUID | str, export_id: UUID, moments: Sequence[Mapping[str, Any]]
) -> None:
    """What was picked, in its order; picked again by a retry, it is the same."""
    conn.execute("DELETE FROM export_moment WHERE export_id = %s", (export_id,))
    conn.execute(
        "INSERT INTO export_moment (workspace_id, export_id, rank, asset_id, start_s, end_s, peak_s, score,"
        " relevance) SELECT %s, %s, row_number() OVER (), picked.* FROM"
        " unnest(%s::uuid[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[]) AS picked",
        (workspace_id, export_id, *([moment[name] for moment in moments] for name in _MOMENT)),
    )


def add_whole_videos(
    conn: Connection, *, workspace_id: UUID | str, export_id: UUID, asset_ids: Sequence[UUID]
) -> None:
    """One moment per video, from its first frame to its last."""
    conn.execute(
        "INSERT INTO export_moment (workspace_id, export_id, rank, asset_id, start_s, end_s)"
        " SELECT %s, %s, row_number() OVER (ORDER BY wanted.place), asset.id, 0,"
        " coalesce(asset.duration_s, 0) + asset.interval_s"
        " FROM unnest(%s::uuid[]) WITH ORDINALITY AS wanted (id, place) JOIN asset USING (id)",
        (workspace_id, export_id, list(asset_ids)),
    )


_PEAKS = (
    "SELECT 'frame' AS kind, asset_id, coalesce(peak_s, (start_s + end_s) / 2) AS start_s,"
    " coalesce(peak_s, (start_s + end_s) / 2) AS end_s FROM export_moment WHERE export_id = %(id)s"
)
# A frame stands for the interval that begins with it: one at the end belongs to what follows.
_INDEXED = (
    "SELECT 'frame' AS kind, moment.asset_id, time.s AS start_s, time.s AS end_s"
    " FROM export_moment AS moment JOIN asset ON asset.id = moment.asset_id"
    " JOIN media_sheet AS sheet ON sheet.asset_id = asset.id AND sheet.run = asset.ready_run"
    " CROSS JOIN unnest(sheet.times_s) AS time (s)"
    " WHERE moment.export_id = %(id)s AND asset.deleted_at IS NULL AND time.s >= moment.start_s - 1e-6"
    " AND (time.s < moment.end_s - 1e-6 OR time.s <= moment.start_s + 1e-6)"
)
_CLIPS = (
    "SELECT 'clip' AS kind, asset_id, greatest(0, start_s - %(padding_s)s) AS start_s,"
    " end_s + %(padding_s)s AS end_s FROM export_moment WHERE export_id = %(id)s"
)


def plan_pieces(
    conn: Connection, export_id: UUID, *, frames: str, clip_padding_s: float | None, most: int
) -> int:
    """The files to make, video by video and in order of time, each once; answers how many."""
    wanted = [_PEAKS if frames == "peak" else _INDEXED] + ([] if clip_padding_s is None else [_CLIPS])
    conn.execute("DELETE FROM export_piece WHERE export_id = %s", (export_id,))
    planned = conn.execute(
        "INSERT INTO export_piece (workspace_id, export_id, no, kind, asset_id, start_s, end_s)"  # noqa: S608
        " SELECT app.workspace(), %(id)s, row_number() OVER (ORDER BY asset_id, kind DESC, start_s, end_s),"
        " kind, asset_id, start_s, end_s FROM ("
        "  SELECT DISTINCT ON (asset_id, kind, round(start_s * 1000), round(end_s * 1000))"
        f"  kind, asset_id, start_s, end_s FROM ({' UNION ALL '.join(wanted)}) AS wanted"
        "  ORDER BY asset_id, kind, round(start_s * 1000), round(end_s * 1000), start_s"
        " ) AS once LIMIT %(most)s",
        {"id": export_id, "padding_s": clip_padding_s, "most": most + 1},
    )
    return planned.rowcount


def claim(conn: Connection, export_id: UUID, *, attempt: int) -> Row | None:
    """Takes the place of whoever worked on it; None when it is not to be worked on."""
    return conn.execute(
        "UPDATE export_job SET worker = gen_random_uuid(), heartbeat_at = now(),"
        " status = CASE status WHEN 'queued' THEN 'preparing' ELSE status END"
        " WHERE id = %s AND attempt = %s AND status IN ('queued', 'preparing', 'writing')"
        " AND deleted_at IS NULL RETURNING *",
        (export_id, attempt),
    ).fetchone()


def begin_archive(
    conn: Connection, row: Row, *, object_key: str, upload_id: str, pieces: int | None, begun_over: int
) -> Row | None:
    """An empty archive; what was written into another one before is forgotten."""
    conn.execute("DELETE FROM export_part WHERE export_id = %s", (row["id"],))
    conn.execute(
        "UPDATE export_piece SET path = NULL, problem = NULL, byte_offset = NULL WHERE export_id = %s"
        " AND (path IS NOT NULL OR problem IS NOT NULL)",
        (row["id"],),
    )
    return conn.execute(
        "UPDATE export_job SET status = 'writing', object_key = %s, upload_id = %s, archive_bytes = 0,"
        " tail = '', size_bytes = NULL, pieces_total = coalesce(%s, pieces_total), pieces_done = 0,"
        " begun_over = %s, heartbeat_at = now() WHERE id = %s AND worker = %s"
        " AND status IN ('preparing', 'writing') AND deleted_at IS NULL RETURNING *",
        (object_key, upload_id, pieces, begun_over, row["id"], row["worker"]),
    ).fetchone()


def pieces_left(conn: Connection, export_id: UUID, *, limit: int) -> list[Row]:
    """The next files to make, all of one video."""
    return conn.execute(
        "SELECT piece.* FROM export_piece AS piece"
        " WHERE export_id = %(id)s AND path IS NULL AND problem IS NULL"
        " AND (asset_id, kind) = (SELECT asset_id, kind FROM export_piece WHERE export_id = %(id)s"
        "  AND path IS NULL AND problem IS NULL ORDER BY no LIMIT 1)"
        " ORDER BY no LIMIT %(limit)s",
        {"id": export_id, "limit": limit},
    ).fetchall()


def parts(conn: Connection, export_id: UUID) -> list[tuple[int, str]]:
    """Number and ETag of the parts that hold committed bytes."""
    rows = conn.execute(
        "SELECT part_number, etag FROM export_part WHERE export_id = %s ORDER BY part_number", (export_id,)
    ).fetchall()
    return [(row["part_number"], row["etag"]) for row in rows]


_DONE = (
    "UPDATE export_piece SET path = %(path)s, byte_offset = %(byte_offset)s, size_bytes = %(size_bytes)s,"
    " crc32 = %(crc32)s, sha256 = %(sha256)s, shown_start_s = %(shown_start_s)s,"
    " shown_end_s = %(shown_end_s)s, width = %(width)s, height = %(height)s, problem = %(problem)s"
    " WHERE export_id = %(export_id)s AND no = %(no)s"
)


def checkpoint(
    conn: Connection,
    row: Row,
    *,
    pieces: Sequence[Mapping[str, Any]],
    parts: Sequence[tuple[int, str, int]],
    archive_bytes: int,
    tail: bytes,
) -> bool:
    """Everything up to here is written; False when another worker took over or nobody wants it."""
    held = conn.execute(
        "UPDATE export_job SET archive_bytes = %s, tail = %s, pieces_done = pieces_done + %s,"
        " heartbeat_at = now() WHERE id = %s AND worker = %s AND status = 'writing' AND deleted_at IS NULL",
        (archive_bytes, tail, len(pieces), row["id"], row["worker"]),
    )
    if not held.rowcount:
        return False
    with conn.cursor() as cursor:
        cursor.executemany(_DONE, [{**piece, "export_id": row["id"]} for piece in pieces])
        cursor.executemany(
            "INSERT INTO export_part (workspace_id, export_id, part_number, etag, size_bytes)"
            " VALUES (%s, %s, %s, %s, %s)",
            [(row["workspace_id"], row["id"], *part) for part in parts],
        )
    return True


def source(conn: Connection, asset_id: UUID) -> Row | None:
    """Where a video's source lies."""
    return conn.execute(
        "SELECT id, workspace_id, source_version FROM asset WHERE id = %s AND deleted_at IS NULL", (asset_id,)
    ).fetchone()


def seal(conn: Connection, row: Row, *, size_bytes: int, manifest_sha256: str) -> bool:
    """What the archive will be once its upload is completed; False when another worker took over."""
    sealed = conn.execute(
        "UPDATE export_job SET size_bytes = %s, manifest_sha256 = %s, heartbeat_at = now()"
        " WHERE id = %s AND worker = %s AND status = 'writing' AND deleted_at IS NULL",
        (size_bytes, manifest_sha256, row["id"], row["worker"]),
    )
    return bool(sealed.rowcount)


def finish(conn: Connection, row: Row, *, keep_days: int) -> Row | None:
    """The archive is complete."""
    return conn.execute(
        "UPDATE export_job SET status = 'ready', upload_id = NULL, tail = '', finished_at = now(),"
        " heartbeat_at = now(), expires_at = now() + make_interval(days => %s)"
        " WHERE id = %s AND worker = %s AND status = 'writing' AND deleted_at IS NULL RETURNING *",
        (keep_days, row["id"], row["worker"]),
    ).fetchone()


def end(
    conn: Connection, export_id: UUID, *, status: str, code: str | None = None, reason: str | None = None
) -> Row | None:
    """Ends an export that is not finished; None when it had ended."""
    return conn.execute(
        "UPDATE export_job SET status = %s, failure_code = %s, failure_reason = %s, tail = '',"
        " finished_at = now(), heartbeat_at = now(), worker = NULL"
        " WHERE id = %s AND status IN ('queued', 'preparing', 'writing') AND deleted_at IS NULL RETURNING *",
        (status, code, reason, export_id),
    ).fetchone()


def forget_upload(conn: Connection, export_id: UUID) -> None:
    """Its parts are gone, and nobody will finish it."""
    conn.execute("UPDATE export_job SET upload_id = NULL WHERE id = %s", (export_id,))
    conn.execute("DELETE FROM export_part WHERE export_id = %s", (export_id,))


def next_attempt(conn: Connection, export_id: UUID, *, after: int) -> Row | None:
    """Begins another run of the machine; None when somebody else just did."""
    return conn.execute(
        "UPDATE export_job SET attempt = attempt + 1, heartbeat_at = now()"
        " WHERE id = %s AND attempt = %s AND status IN ('queued', 'preparing', 'writing') RETURNING *",
        (export_id, after),
    ).fetchone()


def expire(conn: Connection, export_id: UUID) -> Row | None:
    """Its time is over; the row stays to say so."""
    return conn.execute(
        "UPDATE export_job SET status = 'expired' WHERE id = %s AND status = 'ready' AND expires_at < now()"
        " RETURNING *",
        (export_id,),
    ).fetchone()


def mark_deleted(conn: Connection, export_id: UUID) -> Row | None:
    """Hides an export at once."""
    return conn.execute(
        "UPDATE export_job SET deleted_at = now(), worker = NULL"
        " WHERE id = %s AND deleted_at IS NULL RETURNING *",
        (export_id,),
    ).fetchone()


def remove(conn: Connection, export_id: UUID) -> None:
    """Removes a deleted export's rows."""
    conn.execute("DELETE FROM export_job WHERE id = %s AND deleted_at IS NOT NULL", (export_id,))


def showing(conn: Connection, asset_id: UUID) -> list[Row]:
    """Every export that shows a video or was to, deleted or not."""
    return conn.execute(
        "SELECT * FROM export_job WHERE id IN (SELECT export_id FROM export_moment WHERE asset_id = %s)",
        (asset_id,),
    ).fetchall()


def claim_unattended(conn: Connection, *, quiet_s: float, limit: int) -> list[tuple[UUID, UUID]]:
    """Workspaces and ids of exports to look after, each handed to one sweep."""
    rows = conn.execute("SELECT * FROM app.claim_exports(%s, %s)", (quiet_s, limit)).fetchall()
    return [(row["workspace_id"], row["export_id"]) for row in rows]


def entries(conn: Connection, export_id: UUID, *, page: int = 2000) -> Iterator[Row]:
    """The files that were made, in the order in which they lie in the archive."""
    after = 0
    while rows := conn.execute(
        "SELECT piece.*, asset.name AS asset_name FROM export_piece AS piece"
        " LEFT JOIN asset ON asset.id = piece.asset_id AND asset.deleted_at IS NULL"
        " WHERE export_id = %s AND no > %s ORDER BY no LIMIT %s",
        (export_id, after, page),
    ).fetchall():
        yield from rows
        after = rows[-1]["no"]


def moments(conn: Connection, export_id: UUID, *, page: int = 2000) -> Iterator[Row]:
    """What was picked, in its order."""
    after = 0
    while rows := conn.execute(
        "SELECT * FROM export_moment WHERE export_id = %s AND rank > %s ORDER BY rank LIMIT %s",
        (export_id, after, page),
    ).fetchall():
        yield from rows
        after = rows[-1]["rank"]


def videos(conn: Connection, export_id: UUID) -> dict[UUID, Row]:
    """The videos that an export shows and that are still there."""
    rows = conn.execute(
        "SELECT asset.* FROM asset WHERE deleted_at IS NULL"
        " AND id IN (SELECT asset_id FROM export_moment WHERE export_id = %s) ORDER BY id",
        (export_id,),
    ).fetchall()
    return {row["id"]: row for row in rows}
