"""Use cases of summaries as people see them: asked for, and read."""

from uuid import UUID

from sightline.cursor import decode_cursor, encode_cursor
from sightline.database import Connection, Row, transaction
from sightline.errors import NotFoundError
from sightline.incidents.grouping import store as incidents
from sightline.incidents.grouping import timeline_store
from sightline.incidents.summaries import store
from sightline.incidents.summaries.schemas import SummaryAnswer, SummaryPage, SummaryRequested
from sightline.incidents.summaries.summarising import is_current
from sightline.ports.work import Queue
from sightline.principal import Principal


def ask(principal: Principal, incident_id: UUID, *, queue: Queue) -> SummaryRequested:
    """Has a summary written. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        incident = _found(conn, incident_id)
        last = store.latest(conn, incident_id)
        events = timeline_store.events_of(conn, incident_id, after_version=last["of_version"] if last else -1)
    current = is_current(incident, last, events)
    if not current:
        actor = f"{'user' if principal.kind == 'user' else 'key'}:{principal.principal_id}"
        said = {"workspace_id": principal.workspace_id, "incident_id": str(incident_id), "asked_by": actor}
        queue.send(said)
    return SummaryRequested(incident_id=incident_id, of_version=incident["version"], current=current)


def read_summary(principal: Principal, incident_id: UUID) -> SummaryAnswer:
    """The latest. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        _found(conn, incident_id)
        row = store.latest(conn, incident_id)
    if row is None:
        raise NotFoundError("No summary has been written yet.")
    return _answer(row)


def list_summaries(principal: Principal, incident_id: UUID, *, cursor: str | None, limit: int) -> SummaryPage:
    """Newest first. Raises: NotFoundError, InvalidCursorError."""
    before = decode_cursor(cursor, (int,))[0] if cursor else None
    with transaction(principal.workspace_id) as conn:
        _found(conn, incident_id)
        rows = store.summaries(conn, incident_id, before=before, limit=limit + 1)
    more = encode_cursor(rows[limit - 1]["of_version"]) if len(rows) > limit else None
    return SummaryPage(items=[_answer(row) for row in rows[:limit]], next_cursor=more)


def _found(conn: Connection, incident_id: UUID) -> Row:
    incident = incidents.incident(conn, incident_id)
    if incident is None:
        raise NotFoundError
    return incident


def _answer(row: Row) -> SummaryAnswer:
    return SummaryAnswer(**{name: row[name] for name in SummaryAnswer.model_fields})
