"""Proof of what was deleted: begun with the deletion, filled by the purge, kept when all else is gone."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field

from sightline.cursor import id_in, next_page
from sightline.database import Connection, Row, transaction
from sightline.errors import NotFoundError
from sightline.principal import Principal


class ErasureStarted(BaseModel):
    """Where to read what became of it."""

    model_config = ConfigDict(extra="forbid")

    erasure_id: UUID


class ErasureAnswer(BaseModel):
    """What was removed, and what is left of it."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    workspace_id: UUID
    subject: Literal["asset", "workspace"]
    subject_id: UUID
    cause: Literal["request", "retention"]
    status: Literal["running", "done"]
    objects: dict[str, int] = Field(description="Object versions removed, by kind.")
    rows: dict[str, int] = Field(description="Rows removed, by table.")
    objects_left: int | None = Field(description="Object versions listed afterwards: 0 when it is done.")
    rows_left: int | None = Field(description="Rows found afterwards: 0 when it is done.")
    ids_kept: dict[str, int] | None = Field(
        description="Rows, by table, that still name its id and show nothing of it, such as a saved question."
    )
    asked_at: datetime
    done_at: datetime | None


class ErasurePage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: list[ErasureAnswer]
    next_cursor: str | None


def begin(conn: Connection, principal: Principal, *, subject: str, subject_id: UUID | str) -> UUID:
    """Notes a deletion in its own transaction; asked twice, it is one."""
    row = conn.execute(
        "INSERT INTO erasure (workspace_id, subject, subject_id, cause) VALUES (%s, %s, %s, 'request')"
        " ON CONFLICT (workspace_id, subject, subject_id) DO UPDATE SET cause = erasure.cause RETURNING id",
        (principal.workspace_id, subject, subject_id),
    ).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING gives the row
    asked_by = hashlib.sha256(f"{row['id']}{principal.principal_id}".encode()).digest()
    conn.execute("UPDATE erasure SET asked_by_hash = %s WHERE id = %s", (asked_by, row["id"]))
    return UUID(str(row["id"]))


def add_objects(conn: Connection, *, asset_id: UUID | None, removed: Mapping[str, int]) -> None:
    """Counts object versions that are gone, to the video's erasure or else to its workspace's."""
    conn.execute(
        f"UPDATE erasure SET objects = app.sum_counts(objects, %s) WHERE id = ({_OF})",  # noqa: S608
        (Jsonb({kind: count for kind, count in removed.items() if count}), asset_id, asset_id),
    )


def add_rows(conn: Connection, *, asset_id: UUID | None, removed: Mapping[str, int]) -> None:
    """Counts rows that are gone."""
    conn.execute(
        f"UPDATE erasure SET rows = app.sum_counts(rows, %s) WHERE id = ({_OF})",  # noqa: S608
        (Jsonb(dict(removed)), asset_id, asset_id),
    )


# A video's own erasure, or that of the workspace it went with.
_OF = (
    "SELECT id FROM erasure WHERE workspace_id = app.workspace()"
    " AND (subject = 'workspace' OR subject_id = %s) ORDER BY subject_id = %s DESC LIMIT 1"
)


def close(
    conn: Connection,
    *,
    subject: str,
    subject_id: UUID,
    objects_left: int,
    rows_left: int,
    ids_kept: Mapping[str, int],
) -> bool:
    """Writes what was found afterwards; done when that is nothing."""
    row = conn.execute(
        "UPDATE erasure SET objects_left = %(objects)s, rows_left = %(rows)s, ids_kept = %(ids)s,"
        " status = CASE WHEN %(objects)s + %(rows)s = 0 THEN 'done' ELSE 'running' END,"
        " done_at = CASE WHEN %(objects)s + %(rows)s = 0 THEN coalesce(done_at, now()) END"
        " WHERE workspace_id = app.workspace() AND subject = %(subject)s AND subject_id = %(subject_id)s"
        " RETURNING status",
        {
            "objects": objects_left,
            "rows": rows_left,
            "ids": Jsonb(dict(ids_kept)),
            "subject": subject,
            "subject_id": subject_id,
        },
    ).fetchone()
    return row is not None and row["status"] == "done"


def read_erasure(principal: Principal, erasure_id: UUID) -> ErasureAnswer:
    """One of the workspace's. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        return _answer(conn.execute("SELECT * FROM erasure WHERE id = %s", (erasure_id,)).fetchone())


def read_my_erasure(principal: Principal, erasure_id: UUID) -> ErasureAnswer:
    """One that the caller asked for, in a workspace that may be gone. Raises: NotFoundError."""
    with transaction(user_id=principal.principal_id) as conn:
        return _answer(conn.execute("SELECT * FROM app.my_erasure(%s)", (erasure_id,)).fetchone())


def list_erasures(principal: Principal, *, cursor: str | None, limit: int) -> ErasurePage:
    """The workspace's, newest first."""
    with transaction(principal.workspace_id) as conn:
        rows = conn.execute(
            "SELECT * FROM erasure WHERE %(before)s::uuid IS NULL OR id < %(before)s"
            " ORDER BY id DESC LIMIT %(limit)s",
            {"before": id_in(cursor), "limit": limit + 1},
        ).fetchall()
    rows, following = next_page(rows, limit, "id")
    return ErasurePage(items=[_answer(row) for row in rows], next_cursor=following)


def _answer(row: Row | None) -> ErasureAnswer:
    if row is None:
        raise NotFoundError("There is no such erasure.")
    return ErasureAnswer(**{name: row[name] for name in ErasureAnswer.model_fields})
