"""SQL of an export's worker. Its changes name it, so that one that was replaced changes nothing any more."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sightline.database import Connection, Row

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
