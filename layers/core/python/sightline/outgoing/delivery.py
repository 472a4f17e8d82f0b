"""A message from the happening to its receiver: written down, handed to the queue, tried, tried again.

At least once: the message's id is the same in every attempt, so that a receiver can tell a repeat. Nothing is
lost once it is written down: the queue's message ends only after what came of the attempt is written down and
the next one is queued.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

from sightline.database import Connection, Row, transaction
from sightline.errors import ForbiddenAddressError
from sightline.outgoing import rules, store
from sightline.outgoing.schemas import EventType
from sightline.ports.outgoing import Posted, Vault, WebhookSender
from sightline.ports.work import DelayedQueue
from sightline.settings import get_settings
from sightline.telemetry import MetricUnit, logger, metrics

# Longer than an attempt may take: who holds a lease and died is not waited for much longer.
LEASE_S = 60.0
# How long it can be looked up and sent again.
KEPT_DAYS = 30
# What SQS delays a message by at most; a longer pause is made of several.
MAX_DELAY_S = 900


def announce(
    conn: Connection,
    *,
    workspace_id: UUID | str,
    event_type: EventType,
    data: Mapping[str, Any],
    occasion: str = "",
    endpoint_id: UUID | None = None,
) -> list[UUID]:
    """Writes down what happened, in the caller's transaction; the deliveries to hand over after it.

    The same occasion told again makes nothing new, and answers the deliveries that nobody has tried yet.
    """
    store.forget_messages(conn, after_days=KEPT_DAYS)
    message_id = _new_id(conn)
    occasion = occasion or str(message_id)
    body = {"type": event_type, "timestamp": datetime.now(UTC).isoformat(), "data": data}
    added = store.add_message(
        conn,
        workspace_id=workspace_id,
        message_id=message_id,
        event_type=event_type,
        occasion=occasion,
        body=json.dumps(body, separators=(",", ":"), ensure_ascii=False, default=str),
    )
    if not added:
        return store.deliveries_of(conn, occasion=occasion)
    return store.add_deliveries(
        conn,
        workspace_id=workspace_id,
        message_id=message_id,
        endpoint_id=endpoint_id,
        event_type=event_type,
    )


def _new_id(conn: Connection) -> UUID:
    row = conn.execute("SELECT app.uuid7() AS id").fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    return UUID(str(row["id"]))


def hand_over(queue: DelayedQueue, *, workspace_id: UUID | str, delivery_ids: Sequence[UUID]) -> None:
    """Queues deliveries; doing so twice is harmless."""
    for delivery_id in delivery_ids:
        queue.send({"workspace_id": str(workspace_id), "delivery_id": str(delivery_id)})


def deliver(
    message: Mapping[str, Any], *, vault: Vault, sender: WebhookSender, queue: DelayedQueue, random: Random
) -> None:
    """One attempt at one delivery; queues the next one when it fails."""
    workspace_id, delivery_id = str(UUID(message["workspace_id"])), UUID(message["delivery_id"])
    with transaction(workspace_id) as conn:
        row = store.claim(conn, delivery_id, lease_s=LEASE_S)
        live = store.live_secrets(conn, [row["endpoint_id"]]) if row else []
        wait_s = None if row else store.wait_s(conn, delivery_id)
    if row is None:
        if wait_s is not None:
            _later(queue, message, wait_s)
        return
    posted = _attempt(row, _unsealed(workspace_id, live, vault), sender)
    pause_s = _end(workspace_id, row, posted, random)
    if pause_s is not None:
        _later(queue, message, pause_s)


def _unsealed(workspace_id: str, live: Sequence[Row], vault: Vault) -> list[str]:
    return [
        vault.unseal(
            bytes(one["sealed"]),
            purpose={"workspace_id": workspace_id, "endpoint_id": str(one["endpoint_id"])},
        ).decode()
        for one in live
    ]


def _attempt(row: Row, live: Sequence[str], sender: WebhookSender) -> Posted:
    body = row["body"].encode()
    headers = rules.signed_headers(
        live, message_id=str(row["message_id"]), timestamp=int(datetime.now(UTC).timestamp()), body=body
    )
    if not row["enabled"]:
        return Posted(None, "The endpoint was switched off.", None, 0)
    try:
        # Whoever could write the row could not have passed this check: rules may also have become stricter.
        rules.check_form(row["url"], loopback=get_settings().webhook_loopback)
    except ForbiddenAddressError as refused:
        return Posted(None, refused.detail, None, 0)
    return sender.post(row["url"], body=body, headers=headers)


def _end(workspace_id: str, row: Row, posted: Posted, random: Random) -> float | None:
    """Writes down what came of an attempt; seconds until the next one, None when there is none."""
    done, gone = rules.delivered(posted.status), posted.status == rules.GONE
    off = gone or not row["enabled"]
    pause_s = (
        None if done or off else rules.pause_s(row["tries"], asked_s=posted.retry_after_s, random=random)
    )
    status = "delivered" if done else "cancelled" if off else "failed" if pause_s is None else "pending"
    error = None if done else posted.error or f"The receiver answered {posted.status}."
    attempt = {
        "at": datetime.now(UTC).isoformat(),
        "status": posted.status,
        "error": error,
        "took_ms": posted.took_ms,
    }
    with transaction(workspace_id) as conn:
        store.end_attempt(conn, row["id"], status=status, attempt=attempt, pause_s=pause_s)
        if gone:
            why = "The receiver answered 410 Gone."
            store.change_endpoint(conn, row["endpoint_id"], {"enabled": False, "disabled_reason": why})
            store.cancel(conn, row["endpoint_id"], why=why)
    metrics.add_metric(f"Webhooks{status.title()}", MetricUnit.Count, 1)
    logger.info(
        "webhook attempted",
        delivery_id=str(row["id"]), endpoint_id=str(row["endpoint_id"]), outcome=status,
        http_status=posted.status, tries=row["tries"], took_ms=posted.took_ms,
    )  # fmt: skip
    return pause_s


def _later(queue: DelayedQueue, message: Mapping[str, Any], wait_s: float) -> None:
    queue.send(dict(message), delay_s=min(int(wait_s) + 1, MAX_DELAY_S))
