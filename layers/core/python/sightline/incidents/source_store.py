"""SQL of sources. Every statement runs in the caller's transaction and workspace."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from sightline.database import Connection, Row


def add(conn: Connection, values: Mapping[str, Any]) -> Row:
    """A new source."""
    row = conn.execute(
        "INSERT INTO alert_source (id, workspace_id, name, platform, scheme, settings, created_by)"
        " VALUES (%(id)s, %(workspace_id)s, %(name)s, %(platform)s, %(scheme)s, %(settings)s, %(created_by)s)"
        " RETURNING *",
        {**values, "settings": Jsonb(values["settings"])},
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of one inserted row
    return row


def one(conn: Connection, source_id: str, *, lock: bool = False) -> Row | None:
    """A source that is not deleted."""
    query = "SELECT * FROM alert_source WHERE id = %s AND deleted_at IS NULL"
    return conn.execute(query + " FOR UPDATE" if lock else query, (source_id,)).fetchone()


def any_one(conn: Connection, source_id: str) -> Row | None:
    """A source, deleted or not: what was taken from it is read all the same."""
    return conn.execute("SELECT * FROM alert_source WHERE id = %s", (source_id,)).fetchone()


def listed(conn: Connection, *, after: tuple[datetime, str] | None, limit: int) -> list[Row]:
    """Newest first."""
    created_at, source_id = after or (None, None)
    return conn.execute(
        "SELECT * FROM alert_source WHERE deleted_at IS NULL AND"
        " (%(at)s::timestamptz IS NULL OR (created_at, id) < (%(at)s, %(id)s))"
        " ORDER BY created_at DESC, id DESC LIMIT %(limit)s",
        {"at": created_at, "id": source_id, "limit": limit},
    ).fetchall()


def change(conn: Connection, source_id: str, *, settings: Mapping[str, Any], name: str | None = None) -> Row:
    """Some of its settings, and its name where one is given."""
    row = conn.execute(
        "UPDATE alert_source SET name = coalesce(%s, name), settings = settings || %s"
        " WHERE id = %s RETURNING *",
        (name, Jsonb(settings), source_id),
    ).fetchone()
    assert row is not None  # noqa: S101 - whoever calls holds its row
    return row


def delete(conn: Connection, source_id: str) -> bool:
    """Its alerts stay; nothing more is taken from it."""
    gone = conn.execute(
        "UPDATE alert_source SET deleted_at = now() WHERE id = %s AND deleted_at IS NULL", (source_id,)
    )
    return gone.rowcount == 1
