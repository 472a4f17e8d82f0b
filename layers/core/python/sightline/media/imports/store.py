"""SQL of imports. Every statement runs in the caller's transaction and workspace."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from sightline.database import Connection, Row
from sightline.ports.objects import SourceObject

_STATES = ("listed", "fetching", "registered", "skipped", "refused")
_COUNTED = "".join(
    f", (SELECT count(*) FROM import_object"  # noqa: S608 - constants
    f" WHERE import_id = job.id AND status = '{state}') AS {state}"
    for state in _STATES
)
_SHOWN = (
    f"SELECT job.*{_COUNTED}, videos.* FROM import_job AS job CROSS JOIN LATERAL ("  # noqa: S608 - constants
    " SELECT count(*) FILTER (WHERE asset.status = 'awaiting_upload'"
    "         OR (asset.status = 'processing' AND admitted_at IS NULL)) AS waiting,"
    "  count(*) FILTER (WHERE asset.status = 'processing' AND admitted_at IS NOT NULL) AS processing,"
    "  count(*) FILTER (WHERE asset.status = 'ready') AS ready,"
    "  count(*) FILTER (WHERE asset.status IN ('failed', 'expired')) AS failed"
    " FROM import_object AS object JOIN asset ON asset.id = object.asset_id AND asset.deleted_at IS NULL"
    " WHERE object.import_id = job.id AND object.status = 'registered') AS videos"
)


def add_import(conn: Connection, **values: Any) -> UUID:
    """A new import that nobody works on yet."""
    row = conn.execute(
        "INSERT INTO import_job (workspace_id, created_by, bucket, prefix, metadata, tags, interval_s,"
        " status) VALUES (%(workspace_id)s, %(created_by)s, %(bucket)s, %(prefix)s, %(metadata)s, %(tags)s,"
        " %(interval_s)s, %(status)s) RETURNING id",
        {**values, "metadata": Jsonb(values["metadata"])},
    ).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING gives the row
    return UUID(str(row["id"]))


def one_import(conn: Connection, import_id: UUID) -> Row | None:
    """An import with its counts."""
    return conn.execute(f"{_SHOWN} WHERE job.id = %s", (import_id,)).fetchone()


def imports(conn: Connection, *, before: UUID | None, limit: int) -> list[Row]:
    """Newest first."""
    return conn.execute(
        f"{_SHOWN} WHERE %(before)s::uuid IS NULL OR job.id < %(before)s"
        " ORDER BY job.id DESC LIMIT %(limit)s",
        {"before": before, "limit": limit},
    ).fetchall()


def objects(conn: Connection, import_id: UUID, *, after: int, limit: int, status: str | None) -> list[Row]:
    """In order of their number."""
    return conn.execute(
        "SELECT object.*, asset.status AS asset_status, asset.failure_code, asset.failure_reason"
        " FROM import_object AS object"
        " LEFT JOIN asset ON asset.id = object.asset_id AND asset.deleted_at IS NULL"
        " WHERE import_id = %(id)s AND no > %(after)s"
        " AND (%(status)s::text IS NULL OR object.status = %(status)s) ORDER BY no LIMIT %(limit)s",
        {"id": import_id, "after": after, "status": status, "limit": limit},
    ).fetchall()


def working(conn: Connection, import_id: UUID, *, lock: bool = False) -> Row | None:
    """An import that is being worked on; says that it lives."""
    query = (
        "UPDATE import_job SET heartbeat_at = now() WHERE id = %s AND status IN ('listing', 'fetching')"
        " RETURNING *"
    )
    if lock:
        conn.execute("SELECT 1 FROM import_job WHERE id = %s FOR NO KEY UPDATE", (import_id,))
    return conn.execute(query, (import_id,)).fetchone()


def add_objects(
    conn: Connection, row: Row, found: Sequence[SourceObject | str], *, listed_after: str, complete: bool
) -> None:
    """What a listing gave, numbered on; listed again, it is there once."""
    listed = [one if isinstance(one, SourceObject) else SourceObject(one, "", -1, "") for one in found]
    conn.execute(
        "INSERT INTO import_object (workspace_id, import_id, no, key, etag, size_bytes)"
        " SELECT %(workspace_id)s, %(id)s, %(count)s + row_number() OVER (ORDER BY place), key, etag,"
        " nullif(size_bytes, -1)"
        " FROM unnest(%(keys)s::text[], %(etags)s::text[], %(sizes)s::bigint[])"
        " WITH ORDINALITY AS found (key, etag, size_bytes, place) ON CONFLICT DO NOTHING",
        {
            "workspace_id": row["workspace_id"],
            "id": row["id"],
            "count": count_objects(conn, row["id"]),
            "keys": [one.key for one in listed],
            "etags": [one.etag for one in listed],
            "sizes": [one.size_bytes for one in listed],
        },
    )
    conn.execute(
        "UPDATE import_job SET listed_after = %s, status = CASE WHEN %s THEN 'fetching' ELSE status END,"
        " heartbeat_at = now() WHERE id = %s",
        (listed_after, complete, row["id"]),
    )


def count_objects(conn: Connection, import_id: UUID) -> int:
    """How many objects were listed."""
    row = conn.execute(
        "SELECT coalesce(max(no), 0) AS n FROM import_object WHERE import_id = %s", (import_id,)
    ).fetchone()
    return int(row["n"]) if row else 0


def unsettled(
    conn: Connection, import_id: UUID, *, limit: int, first: int = 0, last: int = 2**31 - 1
) -> list[Row]:
    """Objects that nothing has become of yet."""
    return conn.execute(
        "SELECT * FROM import_object WHERE import_id = %s AND status IN ('listed', 'fetching')"
        " AND no BETWEEN %s AND %s ORDER BY no LIMIT %s",
        (import_id, first, last, limit),
    ).fetchall()


def register(
    conn: Connection, job: Row, row: Row, source: SourceObject, *, asset: Mapping[str, Any]
) -> UUID | None:
    """A video for an object, once for each of its versions; None when another one has it."""
    made = conn.execute(
        "INSERT INTO asset (workspace_id, created_by, name, content_type, size_bytes, interval_s, metadata,"
        " tags, upload_deadline) VALUES (%(workspace_id)s, %(created_by)s, %(name)s, %(content_type)s,"
        " %(size_bytes)s, %(interval_s)s, %(metadata)s, %(tags)s, now() + interval '1 day') RETURNING id",
        {**asset, "metadata": Jsonb(asset["metadata"])},
    ).fetchone()
    assert made is not None  # noqa: S101 - INSERT ... RETURNING gives the row
    claimed = conn.execute(
        "INSERT INTO import_source (workspace_id, bucket, key, etag, asset_id) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (job["workspace_id"], job["bucket"], source.key, source.etag, made["id"]),
    )
    if not claimed.rowcount:
        conn.execute("DELETE FROM asset WHERE id = %s", (made["id"],))
        return None
    conn.execute(
        "UPDATE import_object SET status = 'fetching', asset_id = %s, etag = %s, size_bytes = %s"
        " WHERE import_id = %s AND no = %s",
        (made["id"], source.etag, source.size_bytes, job["id"], row["no"]),
    )
    return UUID(str(made["id"]))


def settle(
    conn: Connection,
    import_id: UUID,
    no: int,
    *,
    status: str,
    code: str | None = None,
    reason: str | None = None,
    asset_id: UUID | None = None,
) -> None:
    """What became of an object."""
    conn.execute(
        "UPDATE import_object SET status = %s, code = %s, reason = %s, asset_id = coalesce(%s, asset_id)"
        " WHERE import_id = %s AND no = %s AND status IN ('listed', 'fetching')",
        (status, code, reason, asset_id, import_id, no),
    )


def forget_asset(conn: Connection, import_id: UUID, no: int, asset_id: UUID) -> None:
    """Takes back a video whose object never arrived."""
    conn.execute("UPDATE import_object SET asset_id = NULL WHERE import_id = %s AND no = %s", (import_id, no))
    conn.execute("DELETE FROM asset WHERE id = %s AND status = 'awaiting_upload'", (asset_id,))


def registered_as(conn: Connection, *, bucket: str, key: str, etag: str) -> UUID | None:
    """The video that this version of an object was registered as."""
    row = conn.execute(
        "SELECT asset_id FROM import_source JOIN asset ON asset.id = asset_id AND asset.deleted_at IS NULL"
        " WHERE bucket = %s AND key = %s AND etag = %s",
        (bucket, key, etag),
    ).fetchone()
    return UUID(str(row["asset_id"])) if row else None


def end(
    conn: Connection, import_id: UUID, *, status: str, code: str | None = None, reason: str | None = None
) -> Row | None:
    """Ends an import; None when it had ended."""
    return conn.execute(
        "UPDATE import_job SET status = %s, failure_code = %s, failure_reason = %s, finished_at = now(),"
        " heartbeat_at = now() WHERE id = %s AND status IN ('listing', 'fetching') RETURNING *",
        (status, code, reason, import_id),
    ).fetchone()


def next_attempt(conn: Connection, import_id: UUID, *, after: int) -> Row | None:
    """Begins another run of the machine; None when somebody else just did."""
    return conn.execute(
        "UPDATE import_job SET attempt = attempt + 1, heartbeat_at = now()"
        " WHERE id = %s AND attempt = %s AND status IN ('listing', 'fetching') RETURNING *",
        (import_id, after),
    ).fetchone()


def claim_unattended(conn: Connection, *, quiet_s: float, limit: int) -> list[tuple[UUID, UUID]]:
    """Workspaces and ids of imports to look after, each handed to one sweep."""
    rows = conn.execute("SELECT * FROM app.claim_imports(%s, %s)", (quiet_s, limit)).fetchall()
    return [(row["workspace_id"], row["import_id"]) for row in rows]
