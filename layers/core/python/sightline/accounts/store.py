"""SQL about accounts. Rows of other workspaces are out of reach: row-level security sees to it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from sightline.database import Connection, Row

_KEY_COLUMNS = "id, name, hint, role, scopes, created_at, expires_at, last_used_at"
FIRST = UUID(int=0)


def provision_user(connection: Connection, *, user_id: str, email: str, name: str) -> None:
    """The account's row and, the first time, a personal workspace."""
    connection.execute("SELECT app.provision_user(%s, %s, %s)", (user_id, email, name))


def user(connection: Connection, user_id: str) -> Row | None:
    return connection.execute(
        "SELECT id, email, name, preferences FROM user_account WHERE id = %s", (user_id,)
    ).fetchone()


def update_user(
    connection: Connection, user_id: str, *, name: str | None, preferences: Mapping[str, Any] | None
) -> None:
    """Replaces what is given and keeps the rest."""
    connection.execute(
        """UPDATE user_account
           SET name = coalesce(%s, name), preferences = coalesce(%s, preferences), updated_at = now()
           WHERE id = %s""",
        (name, None if preferences is None else Jsonb(preferences), user_id),
    )


def workspaces_held_by(connection: Connection, user_id: str) -> list[UUID]:
    """Shared workspaces of which the user is the only admin; their members are locked."""
    rows = connection.execute("SELECT app.workspaces_held_by(%s) AS id", (user_id,)).fetchall()
    return [row["id"] for row in rows]


def delete_user(connection: Connection, user_id: str) -> None:
    """Forgets the user; workspaces of theirs alone are marked deleted."""
    connection.execute("SELECT app.delete_user(%s)", (user_id,))


def memberships(connection: Connection, user_id: str, *, after: UUID = FIRST, limit: int = 200) -> list[Row]:
    return connection.execute(
        "SELECT id, name, role, created_at, retention_days FROM app.memberships(%s) WHERE id > %s"
        " ORDER BY id LIMIT %s",
        (user_id, after, limit),
    ).fetchall()


def create_workspace(connection: Connection, *, user_id: str, name: str) -> UUID:
    """A workspace with its maker as admin."""
    row = connection.execute("SELECT app.create_workspace(%s, %s) AS id", (user_id, name)).fetchone()
    made: UUID = row["id"] if row else FIRST
    return made


def workspace(connection: Connection) -> Row | None:
    """The entered workspace."""
    return connection.execute(
        "SELECT id, name, created_at, retention_days FROM workspace WHERE deleted_at IS NULL"
    ).fetchone()


def rename_workspace(connection: Connection, name: str) -> None:
    connection.execute("UPDATE workspace SET name = %s, updated_at = now()", (name,))


def set_retention(connection: Connection, days: int | None) -> None:
    """Videos older than this are deleted; None keeps them."""
    connection.execute("UPDATE workspace SET retention_days = %s, updated_at = now()", (days,))


def mark_workspace_deleted(connection: Connection) -> None:
    """Nobody gets in any more; the sweep purges what it holds."""
    connection.execute("UPDATE workspace SET deleted_at = now(), updated_at = now() WHERE deleted_at IS NULL")


def members(connection: Connection, *, after: UUID = FIRST, limit: int) -> list[Row]:
    return connection.execute(
        f"{_MEMBERS} WHERE member.user_id > %s ORDER BY member.user_id LIMIT %s",
        (after, limit),
    ).fetchall()


def member(connection: Connection, user_id: UUID) -> Row | None:
    return connection.execute(f"{_MEMBERS} WHERE member.user_id = %s", (user_id,)).fetchone()


def locked_roles(connection: Connection) -> dict[str, str]:
    """Everybody's role; two changes at once wait for each other."""
    rows = connection.execute("SELECT user_id, role FROM member ORDER BY user_id FOR UPDATE").fetchall()
    return {str(row["user_id"]): row["role"] for row in rows}


def user_by_email(connection: Connection, email: str) -> UUID | None:
    row = connection.execute("SELECT app.user_by_email(%s) AS id", (email,)).fetchone()
    return row["id"] if row else None


def add_member(connection: Connection, *, workspace_id: str, user_id: UUID, role: str) -> bool:
    """False when the user is a member already."""
    added = connection.execute(
        "INSERT INTO member (workspace_id, user_id, role) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (workspace_id, user_id, role),
    )
    return added.rowcount == 1


def set_role(connection: Connection, *, user_id: UUID, role: str) -> None:
    connection.execute("UPDATE member SET role = %s WHERE user_id = %s", (role, user_id))


def remove_member(connection: Connection, user_id: UUID) -> None:
    connection.execute("DELETE FROM member WHERE user_id = %s", (user_id,))


def add_api_key(
    connection: Connection,
    *,
    workspace_id: str,
    name: str,
    key_hash: bytes,
    hint: str,
    role: str,
    scopes: Sequence[str],
    created_by: str | None,
    expires_at: datetime | None,
) -> Row:
    """Keeps the hash of a new key."""
    row = connection.execute(
        f"""INSERT INTO api_key (workspace_id, name, key_hash, hint, role, scopes, created_by, expires_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING {_KEY_COLUMNS}""",  # noqa: S608 - constant
        (workspace_id, name, key_hash, hint, role, list(scopes), created_by, expires_at),
    ).fetchone()
    return row or {}


def api_keys(connection: Connection, *, after: UUID = FIRST, limit: int) -> list[Row]:
    return connection.execute(
        f"""SELECT {_KEY_COLUMNS} FROM api_key
            WHERE revoked_at IS NULL AND id > %s ORDER BY id LIMIT %s""",  # noqa: S608 - constant
        (after, limit),
    ).fetchall()


def revoke_api_key(connection: Connection, key_id: UUID) -> bool:
    """False when there is no such key in use."""
    revoked = connection.execute(
        "UPDATE api_key SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL", (key_id,)
    )
    return revoked.rowcount == 1


_MEMBERS = """
SELECT member.user_id, user_account.email, user_account.name, member.role, member.created_at
FROM member JOIN user_account ON user_account.id = member.user_id
"""
