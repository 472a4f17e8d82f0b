"""SQL of what became of incidents, and of who was told. As store.py: in the caller's transaction."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from sightline.database import Connection, Row
from sightline.incidents.grouping.schemas import UNTOLD


def add_event(
    conn: Connection,
    incident: Mapping[str, Any],
    kind: str,
    actor: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    reason: str = "",
) -> int:
    """Writes it into the timeline; the incident's version after it."""
    row = conn.execute(
        "WITH told AS (UPDATE incident SET version = version + %(step)s, updated_at = now()"
        "  WHERE id = %(incident_id)s RETURNING version)"
        " INSERT INTO incident_event (workspace_id, incident_id, version, actor, kind, before, after, reason)"
        " SELECT %(workspace_id)s, %(incident_id)s, version, %(actor)s, %(kind)s, %(before)s, %(after)s,"
        " %(reason)s FROM told RETURNING version",
        {
            "step": 0 if kind in UNTOLD else 1,
            "workspace_id": incident["workspace_id"],
            "incident_id": incident["id"],
            "actor": actor,
            "kind": kind,
            "before": Jsonb(before),
            "after": Jsonb(after),
            "reason": reason,
        },
    ).fetchone()
    assert row is not None  # noqa: S101 - the incident exists
    return int(row["version"])


def events_of(
    conn: Connection,
    incident_id: UUID,
    *,
    after_version: int = -1,
    after_seq: int = 0,
    limit: int = 1000,
) -> list[Row]:
    """Oldest first."""
    return conn.execute(
        "SELECT * FROM incident_event WHERE incident_id = %s AND version > %s AND seq > %s"
        " ORDER BY seq LIMIT %s",
        (incident_id, after_version, after_seq, limit),
    ).fetchall()


def latest_note(conn: Connection, incident_id: UUID) -> Row | None:
    return conn.execute(
        "SELECT actor, reason FROM incident_event WHERE incident_id = %s AND kind = 'noted'"
        " ORDER BY seq DESC LIMIT 1",
        (incident_id,),
    ).fetchone()


def untold(conn: Connection, incident_ids: Sequence[UUID] | None = None) -> list[Row]:
    """Incidents whose last version nobody was told of, and the kinds of what happened; None: all."""
    return conn.execute(
        "SELECT id, version, (SELECT array_agg(DISTINCT event.kind ORDER BY event.kind)"
        "  FROM incident_event AS event WHERE event.incident_id = incident.id"
        "  AND event.version > incident.told_version AND event.kind <> ALL(%(untold)s)) AS kinds"
        " FROM incident WHERE told_version < version"
        " AND (%(ids)s::uuid[] IS NULL OR id = ANY(%(ids)s)) ORDER BY id",
        {
            "ids": None if incident_ids is None else list(incident_ids),
            "untold": sorted(UNTOLD),
        },
    ).fetchall()


def mark_told(conn: Connection, told: Sequence[Row]) -> None:
    """By the versions that were published; one that rose meanwhile is told of by whoever raised it."""
    conn.execute(
        "UPDATE incident SET told_version = greatest(told_version, said.version)"
        " FROM unnest(%s::uuid[], %s::int[]) AS said (id, version) WHERE incident.id = said.id",
        ([row["id"] for row in told], [row["version"] for row in told]),
    )
