"""Use cases of alerts and deliveries as their owners see them."""

from collections.abc import Mapping
from uuid import UUID

from sightline.cursor import id_in, next_page
from sightline.database import Row, transaction
from sightline.errors import NotFoundError
from sightline.incidents import store
from sightline.incidents.paging import next_cursor, place_of
from sightline.incidents.schemas import (
    AlertAnswer,
    AlertPage,
    DeliveryAnswer,
    DeliveryPage,
    DeliverySummary,
    Judgement,
    ReplayAnswer,
)
from sightline.ports.work import Queue
from sightline.principal import Principal


def list_alerts(
    principal: Principal, *, where: Mapping[str, str | None], cursor: str | None, limit: int
) -> AlertPage:
    """Newest first. Raises: InvalidCursorError."""
    before = id_in(cursor)
    with transaction(principal.workspace_id) as conn:
        rows = store.alerts(conn, before=before, limit=limit + 1, where=where)
    page, more = next_page(rows, limit, "id")
    return AlertPage(items=[_alert(row) for row in page], next_cursor=more)


def read_alert(principal: Principal, alert_id: UUID) -> AlertAnswer:
    """One alert. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        row = store.alert(conn, alert_id)
    if row is None:
        raise NotFoundError
    return _alert(row)


def _alert(row: Row) -> AlertAnswer:
    judged = {
        name: Judgement(label=row[name], by=row[f"{name}_by"], confidence=row[f"{name}_confidence"])
        for name in ("severity", "category", "team")
    }
    return AlertAnswer(
        **{name: row[name] for name in AlertAnswer.model_fields if name not in judged}, **judged
    )


def list_deliveries(
    principal: Principal, *, outcome: str | None, cursor: str | None, limit: int
) -> DeliveryPage:
    """Newest first. Raises: InvalidCursorError."""
    after = place_of(cursor, UUID)
    with transaction(principal.workspace_id) as conn:
        rows = store.deliveries(conn, after=after, limit=limit + 1, outcome=outcome)
    items = [DeliverySummary(**row) for row in rows[:limit]]
    return DeliveryPage(items=items, next_cursor=next_cursor(rows, limit, "received_at"))


def read_delivery(principal: Principal, delivery_id: UUID) -> DeliveryAnswer:
    """One delivery with all that was sent. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        row = store.delivery(conn, delivery_id)
    if row is None:
        raise NotFoundError
    shown = {name: row[name] for name in DeliveryAnswer.model_fields if name != "raw_payload"}
    return DeliveryAnswer(**shown, raw_payload=bytes(row["raw_payload"]).decode(errors="replace"))


def replay(principal: Principal, delivery_id: UUID, *, queue: Queue) -> ReplayAnswer:
    """Has a stored delivery read again. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        if store.delivery(conn, delivery_id) is None:
            raise NotFoundError
    queue.send({"replay": str(delivery_id), "workspace_id": principal.workspace_id})
    return ReplayAnswer(id=delivery_id, queued=True)
