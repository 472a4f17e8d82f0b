"""SQL of assets as their owners see them. Every statement runs in the caller's transaction and workspace."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from sightline.database import Connection, Row


def add_asset(conn: Connection, *, upload_deadline_s: float, **values: Any) -> Row:
    """A new asset that waits for its upload."""
    row = conn.execute(
        "INSERT INTO asset (workspace_id, created_by, name, content_type, size_bytes, interval_s, metadata,"
        " tags, captured_at, upload_deadline)"
        " VALUES (%(workspace_id)s, %(created_by)s, %(name)s, %(content_type)s,"
        " %(size_bytes)s, %(interval_s)s, %(metadata)s, %(tags)s, %(captured_at)s,"
        " now() + make_interval(secs => %(upload_deadline_s)s))"
        " RETURNING *",
        {
            "captured_at": None,
            **values,
            "metadata": Jsonb(values["metadata"]),
            "upload_deadline_s": upload_deadline_s,
        },
    ).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING gives the row
    return row


def asset(conn: Connection, asset_id: UUID) -> Row | None:
    """An asset that is not deleted."""
    return conn.execute("SELECT * FROM asset WHERE id = %s AND deleted_at IS NULL", (asset_id,)).fetchone()


def assets(
    conn: Connection,
    *,
    before: UUID | None,
    limit: int,
    status: str | None,
    tag: str | None,
    metadata: Mapping[str, str],
) -> list[Row]:
    """Newest first. Metadata values are compared as text, so 3 and "3" are both found by 3."""
    conditions = [sql.SQL("deleted_at IS NULL")]
    values: list[Any] = []
    for condition, value in (("id < %s", before), ("status = %s", status), ("tags @> ARRAY[%s]", tag)):
        if value is not None:
            conditions.append(sql.SQL(condition))
            values.append(value)
    for key, value in metadata.items():
        conditions.append(sql.SQL("metadata ->> %s = %s"))
        values += [key, value]
    query = sql.SQL("SELECT * FROM asset WHERE {} ORDER BY id DESC LIMIT %s").format(
        sql.SQL(" AND ").join(conditions)
    )
    return conn.execute(query, [*values, limit]).fetchall()


def my_assets(conn: Connection, *, before: UUID | None, limit: int) -> list[Row]:
    """The entered user's own, in every workspace they belong to."""
    return conn.execute("SELECT * FROM app.my_assets(%s, %s)", (before, limit)).fetchall()


def change_asset(
    conn: Connection,
    asset_id: UUID,
    *,
    name: str | None,
    metadata: Mapping[str, Any] | None,
    tags: Sequence[str] | None,
    captured_at: datetime | None = None,
) -> Row | None:
    """Replaces what is given."""
    return conn.execute(
        "UPDATE asset SET name = coalesce(%s, name), metadata = coalesce(%s, metadata),"
        " tags = coalesce(%s::text[], tags), captured_at = coalesce(%s, captured_at), updated_at = now()"
        " WHERE id = %s AND deleted_at IS NULL RETURNING *",
        (
            name,
            None if metadata is None else Jsonb(metadata),
            None if tags is None else list(tags),
            captured_at,
            asset_id,
        ),
    ).fetchone()


def set_upload(conn: Connection, asset_id: UUID, *, upload_id: str, part_size_bytes: int) -> Row | None:
    """Notes the multipart upload that the asset waits for."""
    return conn.execute(
        "UPDATE asset SET upload_id = %s, part_size_bytes = %s WHERE id = %s RETURNING *",
        (upload_id, part_size_bytes, asset_id),
    ).fetchone()


def expire_upload(conn: Connection, asset_id: UUID, *, overdue_only: bool) -> Row | None:
    """Gives up waiting for an upload; None when there is nothing to give up."""
    return conn.execute(
        "UPDATE asset SET status = 'expired', updated_at = now()"
        " WHERE id = %s AND deleted_at IS NULL AND status = 'awaiting_upload'"
        " AND (NOT %s OR upload_deadline < now()) RETURNING *",
        (asset_id, overdue_only),
    ).fetchone()


def mark_deleted(conn: Connection, asset_id: UUID) -> Row | None:
    """Hides an asset at once; the purge removes it."""
    return conn.execute(
        "UPDATE asset SET deleted_at = now(), updated_at = now()"
        " WHERE id = %s AND deleted_at IS NULL RETURNING *",
        (asset_id,),
    ).fetchone()


def any_asset(conn: Connection, asset_id: UUID) -> Row | None:
    """An asset, deleted or not: for those who clean up."""
    return conn.execute("SELECT * FROM asset WHERE id = %s", (asset_id,)).fetchone()


def erase_asset(conn: Connection, asset_id: UUID) -> dict[str, int]:
    """Removes every row that shows a deleted asset, its own last; answers how many, by table."""
    row = conn.execute("SELECT app.erase_asset(app.workspace(), %s) AS removed", (asset_id,)).fetchone()
    return row["removed"] if row else {}


def rows_left(conn: Connection, asset_id: UUID | None) -> int:
    """How many rows belong to an asset, or to the workspace, in whatever table."""
    row = conn.execute("SELECT app.rows_left(app.workspace(), %s) AS n", (asset_id,)).fetchone()
    return int(row["n"]) if row else 0


def mentions(conn: Connection, asset_id: UUID) -> dict[str, int]:
    """How many rows name an asset's id in a text, by table."""
    row = conn.execute("SELECT app.mentions(app.workspace(), %s) AS found", (asset_id,)).fetchone()
    return row["found"] if row else {}


def emptied_workspaces(conn: Connection, *, limit: int) -> list[UUID]:
    """Deleted workspaces that hold no asset any more."""
    return [row["id"] for row in conn.execute("SELECT app.emptied_workspaces(%s) AS id", (limit,)).fetchall()]


def is_emptied(conn: Connection, workspace_id: UUID) -> bool:
    """Whether a workspace is deleted and holds no asset; also when it is gone."""
    row = conn.execute("SELECT app.is_emptied(%s) AS emptied", (workspace_id,)).fetchone()
    return bool(row and row["emptied"])


def admit_runs(conn: Connection, *, at_once: int, limit: int) -> list[tuple[UUID, UUID]]:
    """Workspaces and ids of assets whose run may begin now, each handed out once."""
    rows = conn.execute("SELECT * FROM app.admit_runs(%s, %s)", (at_once, limit)).fetchall()
    return [(row["workspace_id"], row["asset_id"]) for row in rows]


def erase_workspace(conn: Connection) -> dict[str, int]:
    """Removes the entered workspace, when it is deleted and empty; answers how many rows, by table."""
    row = conn.execute("SELECT app.erase_workspace(app.workspace()) AS removed").fetchone()
    return row["removed"] if row else {}


def claim_unattended(conn: Connection, *, quiet_s: float, limit: int) -> list[tuple[UUID, UUID]]:
    """Workspaces and ids of assets to look after, each handed to one sweep."""
    rows = conn.execute("SELECT * FROM app.claim_unattended(%s, %s)", (quiet_s, limit)).fetchall()
    return [(row["workspace_id"], row["asset_id"]) for row in rows]


def retire_workspaces(conn: Connection) -> list[tuple[UUID, UUID]]:
    """Marks the assets of deleted workspaces deleted; answers which."""
    rows = conn.execute("SELECT * FROM app.retire_workspaces()").fetchall()
    return [(row["workspace_id"], row["asset_id"]) for row in rows]


def forget_expired(conn: Connection) -> None:
    """Drops kept answers whose day is over."""
    conn.execute("SELECT app.forget_expired()")


def idle_s(conn: Connection, asset_id: UUID) -> float:
    """Seconds since the asset's run last said that it lives."""
    row = conn.execute(
        "SELECT extract(epoch FROM now() - heartbeat_at)::float8 AS idle_s FROM asset WHERE id = %s",
        (asset_id,),
    ).fetchone()
    return float(row["idle_s"]) if row else 0.0
