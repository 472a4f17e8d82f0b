"""Use cases of incidents as people look at them: lists, alerts, timelines, what was like it before."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sightline.cursor import decode_cursor, encode_cursor, id_in, next_page
from sightline.database import Connection, Row, transaction
from sightline.errors import NotFoundError
from sightline.incidents.grouping import member_store, store, timeline_store
from sightline.incidents.grouping.schemas import (
    EventAnswer,
    EventPage,
    IncidentAnswer,
    IncidentPage,
    MemberAnswer,
    MemberPage,
    SimilarAnswer,
    SimilarIncident,
)
from sightline.incidents.schemas import AlertAnswer
from sightline.principal import Principal


def list_incidents(
    principal: Principal, *, where: Mapping[str, Any], cursor: str | None, limit: int
) -> IncidentPage:
    """Newest first. Raises: InvalidCursorError."""
    before = id_in(cursor)
    with transaction(principal.workspace_id) as conn:
        rows = store.incidents(conn, before=before, limit=limit + 1, where=where)
    page, more = next_page(rows, limit, "id")
    return IncidentPage(items=[answer_of(row) for row in page], next_cursor=more)


def read_incident(principal: Principal, incident_id: UUID) -> IncidentAnswer:
    """One incident. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        return answer_of(found(conn, incident_id))


def list_members(principal: Principal, incident_id: UUID, *, cursor: str | None, limit: int) -> MemberPage:
    """Its alerts, oldest first, and why each is one of them. Raises: NotFoundError, InvalidCursorError."""
    after = id_in(cursor)
    with transaction(principal.workspace_id) as conn:
        found(conn, incident_id)
        rows = member_store.alerts_of(conn, incident_id, after=after, limit=limit + 1)
    page, more = next_page(rows, limit, "id")
    return MemberPage(items=[_member(row) for row in page], next_cursor=more)


def timeline(principal: Principal, incident_id: UUID, *, cursor: str | None, limit: int) -> EventPage:
    """All that was done, oldest first. Raises: NotFoundError, InvalidCursorError."""
    after = decode_cursor(cursor, (int,))[0] if cursor else 0
    with transaction(principal.workspace_id) as conn:
        found(conn, incident_id)
        rows = timeline_store.events_of(conn, incident_id, after_seq=after, limit=limit + 1)
    items = [EventAnswer(**{name: row[name] for name in EventAnswer.model_fields}) for row in rows[:limit]]
    more = encode_cursor(rows[limit - 1]["seq"]) if len(rows) > limit else None
    return EventPage(items=items, next_cursor=more)


def similar(principal: Principal, incident_id: UUID, *, limit: int) -> SimilarAnswer:
    """Earlier incidents, the likest first, and what resolved them. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        rows = store.similar(conn, found(conn, incident_id), limit=limit)
    return SimilarAnswer(items=[SimilarIncident(**row) for row in rows])


def found(conn: Connection, incident_id: UUID, *, lock: bool = False) -> Row:
    """Raises: NotFoundError."""
    row = store.incident(conn, incident_id, lock=lock)
    if row is None:
        raise NotFoundError
    return row


def answer_of(row: Row) -> IncidentAnswer:
    return IncidentAnswer(**{name: row[name] for name in IncidentAnswer.model_fields})


def _member(row: Row) -> MemberAnswer:
    judged: dict[str, Any] = {
        name: {"label": row[name], "by": row[f"{name}_by"], "confidence": row[f"{name}_confidence"]}
        for name in ("severity", "category", "team")
    }
    plain = {name: row[name] for name in AlertAnswer.model_fields if name not in judged}
    return MemberAnswer.model_validate({**plain, **judged, "joined_because": row["joined_because"]})
