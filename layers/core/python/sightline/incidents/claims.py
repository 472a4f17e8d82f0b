"""SQL of origins of events, who has claimed them, and what waits for somebody to."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sightline.database import Connection, Row


def claimant(conn: Connection, origin: str) -> Row | None:
    """Whose events of this origin are, whatever workspace is entered."""
    return conn.execute("SELECT * FROM app.claimant(%s)", (origin,)).fetchone()


def claim(conn: Connection, *, workspace_id: UUID | str, source_id: str, origins: Sequence[str]) -> list[str]:
    """Which of them are the source's now; the others were somebody's already."""
    rows = conn.execute(
        "INSERT INTO alert_claim (origin, workspace_id, source_id) SELECT unnest(%s::text[]), %s, %s"
        " ON CONFLICT DO NOTHING RETURNING origin",
        (list(origins), workspace_id, source_id),
    ).fetchall()
    return [row["origin"] for row in rows]


def release(conn: Connection, source_id: str) -> None:
    """Others may claim them."""
    conn.execute("DELETE FROM alert_claim WHERE source_id = %s", (source_id,))


def keep_unclaimed(conn: Connection, origin: str, event_id: str, body: Mapping[str, Any]) -> None:
    conn.execute("SELECT app.keep_unclaimed(%s, %s, %s)", (origin, event_id, json.dumps(body)))


def unclaimed(conn: Connection, origin: str, *, limit: int) -> list[Row]:
    """What came before the workspace claimed their origin, oldest first."""
    return conn.execute("SELECT * FROM app.unclaimed(%s, %s)", (origin, limit)).fetchall()


def forget_unclaimed(conn: Connection, origin: str, event_ids: Sequence[str]) -> None:
    conn.execute("SELECT app.forget_unclaimed(%s, %s)", (origin, list(event_ids)))
