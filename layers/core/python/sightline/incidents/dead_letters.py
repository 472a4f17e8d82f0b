"""Deliveries that failed every time: tried once more, written down for their owners with why, sent again.

A queue is shared by all workspaces and can only be read by taking from it, so nobody is shown the dead-letter
queue itself: a function moves what lies there into a table, where row-level security keeps everybody's apart.
What no table can hold (no workspace in it, no database) stays on the queue, for the operator.
"""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sightline.database import Row, transaction
from sightline.errors import DatabaseUnavailableError, MalformedRequestError, NotFoundError, SightlineError
from sightline.incidents import claims, dead_store, eventbridge
from sightline.incidents.dead_schemas import (
    DeadLetterAnswer,
    DeadLetterPage,
    DeadLetterSummary,
    RedrivenAnswer,
)
from sightline.incidents.paging import next_cursor, place_of
from sightline.ports.work import Queue
from sightline.principal import Principal
from sightline.telemetry import logger, report

REDRIVE_AT_ONCE = 100
SILENT = ("reader-ended", "Its reader ended without a word: out of time, out of memory, or killed.")
UNEXPECTED = ("internal-error", "Something failed on our side.")


def keep(message: Mapping[str, Any], *, take: Callable[[Mapping[str, Any]], None]) -> None:
    """Tries a dead letter once more, for its cause may be mended, and writes down why it fails.

    It is written down before it is tried, so that one that kills its reader is seen, and not tried for ever.
    Raises: MalformedRequestError where it is nobody's, DatabaseUnavailableError.
    """
    letter_id, workspace_id, source_id = _whose(message)
    with transaction(workspace_id) as conn:
        begun = dead_store.begin(
            conn,
            letter_id=letter_id,
            workspace_id=workspace_id,
            source_id=source_id,
            message=json.dumps(message),
        )
    code, reason = _tried(message, take) if begun else SILENT
    with transaction(workspace_id) as conn:
        if code:
            dead_store.bury(conn, letter_id, code=code, reason=reason)
        else:
            dead_store.forget(conn, letter_id)
    if code:
        logger.warning("delivery given up", letter_id=str(letter_id), source_id=source_id, code=code)


def _tried(message: Mapping[str, Any], take: Callable[[Mapping[str, Any]], None]) -> tuple[str, str]:
    """Why it cannot be read; nothing where it can be by now."""
    try:
        take(message)
    except DatabaseUnavailableError:
        raise  # it could not be written down either
    except SightlineError as error:
        return error.slug, error.detail
    except Exception as error:  # noqa: BLE001 - whatever it is, its owner must see it
        logger.exception("dead letter failed unexpectedly")
        report(error)
        return UNEXPECTED
    return "", ""


def _whose(message: Mapping[str, Any]) -> tuple[UUID, UUID, str]:
    """Its id (the delivery's), workspace and source. Raises: MalformedRequestError."""
    if eventbridge.is_event(message):
        with transaction() as conn:
            owner = claims.claimant(conn, eventbridge.origin_of(message))
        if owner is None:
            raise MalformedRequestError("The event is nobody's.")
        name = f"eventbridge:{owner['source_id']}:{message.get('id')}"
        return uuid5(NAMESPACE_URL, name), owner["workspace_id"], owner["source_id"]
    try:
        workspace_id, source_id = UUID(message["workspace_id"]), str(message.get("source_id", ""))
        if "adopt" in message:
            return uuid5(NAMESPACE_URL, f"adopt:{message['adopt']}"), workspace_id, source_id
        return UUID(message.get("delivery_id") or message["replay"]), workspace_id, source_id
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise MalformedRequestError("The message is no delivery of ours.") from error


def list_dead_letters(principal: Principal, *, cursor: str | None, limit: int) -> DeadLetterPage:
    """Newest first. Raises: InvalidCursorError."""
    after = place_of(cursor, UUID)
    with transaction(principal.workspace_id) as conn:
        rows = dead_store.dead_letters(conn, after=after, limit=limit + 1)
    items = [DeadLetterSummary(**row) for row in rows[:limit]]
    return DeadLetterPage(items=items, next_cursor=next_cursor(rows, limit, "died_at"))


def read_dead_letter(principal: Principal, letter_id: UUID) -> DeadLetterAnswer:
    """One, with what was sent. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        row = dead_store.dead_letter(conn, letter_id)
    if row is None or row["code"] is None:
        raise NotFoundError
    summary = {name: row[name] for name in DeadLetterSummary.model_fields}
    return DeadLetterAnswer(**summary, raw_payload=_payload(json.loads(row["message"])))


def _payload(message: Mapping[str, Any]) -> str | None:
    """What the sender sent, where it lay in the message."""
    if eventbridge.is_event(message):
        return json.dumps(message, ensure_ascii=False)
    if "body_base64" in message:
        return base64.b64decode(message["body_base64"]).decode(errors="replace")
    return message.get("body")


def redrive(principal: Principal, letter_id: UUID | None, *, queue: Queue) -> RedrivenAnswer:
    """Sends it again, or all of them, oldest first; what was read already is not read twice.

    Raises: NotFoundError.
    """
    with transaction(principal.workspace_id) as conn:
        rows = dead_store.to_redrive(conn, letter_id=letter_id, limit=REDRIVE_AT_ONCE + 1)
        if letter_id is not None and not rows:
            raise NotFoundError
        for row in rows[:REDRIVE_AT_ONCE]:
            _send(row, queue)
            dead_store.forget(conn, row["id"])
    redriven = min(len(rows), REDRIVE_AT_ONCE)
    logger.info("dead letters sent again", redriven=redriven)
    return RedrivenAnswer(redriven=redriven, more=len(rows) > REDRIVE_AT_ONCE)


def _send(row: Row, queue: Queue) -> None:
    """Before it is forgotten: if we end in between, it is sent twice and read once."""
    queue.send(json.loads(row["message"]))
