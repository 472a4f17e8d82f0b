"""SQL of dead letters. Every statement runs in the caller's transaction and workspace."""

from datetime import datetime
from uuid import UUID

from sightline.database import Connection, Row


def dead_letter(conn: Connection, letter_id: UUID) -> Row | None:
    return conn.execute("SELECT * FROM alert_dead_letter WHERE id = %s", (letter_id,)).fetchone()


def dead_letters(conn: Connection, *, after: tuple[datetime, UUID] | None, limit: int) -> list[Row]:
    """Newest first, without what was sent; what is still being tried is none yet."""
    died_at, letter_id = after or (None, None)
    return conn.execute(
        "SELECT id, source_id, code, reason, died_at FROM alert_dead_letter WHERE code IS NOT NULL"
        " AND (%(at)s::timestamptz IS NULL OR (died_at, id) < (%(at)s, %(id)s))"
        " ORDER BY died_at DESC, id DESC LIMIT %(limit)s",
        {"at": died_at, "id": letter_id, "limit": limit},
    ).fetchall()


def begin(conn: Connection, *, letter_id: UUID, workspace_id: UUID, source_id: str, message: str) -> bool:
    """Writes down that it is tried once more; False where that was begun before and never ended."""
    row = conn.execute(
        "INSERT INTO alert_dead_letter AS known (id, workspace_id, source_id, message, reason)"
        " SELECT %s, id, %s, %s, '' FROM workspace WHERE id = %s ON CONFLICT (id) DO UPDATE"
        " SET code = NULL, died_at = now() WHERE known.code IS NOT NULL RETURNING id",
        (letter_id, source_id, message, workspace_id),
    ).fetchone()
    return row is not None


def bury(conn: Connection, letter_id: UUID, *, code: str, reason: str) -> None:
    """Why it died."""
    conn.execute(
        "UPDATE alert_dead_letter SET code = %s, reason = %s, died_at = now() WHERE id = %s",
        (code, reason, letter_id),
    )


def forget(conn: Connection, letter_id: UUID) -> None:
    """It was read after all, or is on its way again."""
    conn.execute("DELETE FROM alert_dead_letter WHERE id = %s", (letter_id,))


def to_redrive(conn: Connection, *, letter_id: UUID | None, limit: int) -> list[Row]:
    """The oldest, or this one; held, so that two who ask at once share them."""
    return conn.execute(
        "SELECT * FROM alert_dead_letter WHERE code IS NOT NULL AND (%(id)s::uuid IS NULL OR id = %(id)s)"
        " ORDER BY died_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED",
        {"id": letter_id, "limit": limit},
    ).fetchall()
