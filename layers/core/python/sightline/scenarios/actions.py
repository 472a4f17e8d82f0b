"""Acting on all results of a search, however many: a job that goes on where it was left."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from sightline.database import Row, transaction
from sightline.errors import ConflictError, NotFoundError, SightlineError
from sightline.ports.work import ActionQueue, Queue
from sightline.principal import Principal
from sightline.scenarios import action_store as store
from sightline.scenarios.everything import every_moment
from sightline.scenarios.filters import Shape
from sightline.scenarios.finding import Judged
from sightline.scenarios.recording import Recorded, recorded_search
from sightline.telemetry import logger

# A delivery works so long, then hands the rest to the next one; the function has 300 s.
WORK_S = 200.0
# A job that nobody took up for so long may have lost its message.
LOST_AFTER_S = 60.0


class ActionRequest(Shape):
    """What to do with the videos that hold the results."""

    action: Literal["tag", "untag", "delete"]
    tags: list[str] = Field(default_factory=list, max_length=20, description="Added or taken away.")
    min_relevance: float = Field(default=0.5, ge=0, le=1, description="Only results at least so relevant.")
    most: int | None = Field(default=None, ge=1, le=1_000_000, description="Stop after so many results.")

    @model_validator(mode="after")
    def fits(self) -> Self:
        """Tags belong to tagging."""
        if (self.action == "delete") == bool(self.tags):
            raise ValueError("tag and untag want tags, delete wants none")
        if any(not 1 <= len(tag.strip()) <= 100 or "\0" in tag for tag in self.tags):
            raise ValueError("a tag has 1 to 100 characters")
        return self


class ActionAnswer(Shape):
    """A job, and how far it is."""

    id: UUID
    search_id: UUID
    action: str
    tags: list[str]
    min_relevance: float
    most: int | None
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    fraction: float = Field(description="Share of the videos that were looked through.")
    moments: int = Field(description="Results acted on.")
    videos: int = Field(description="Videos that hold them.")
    changed: int = Field(description="Videos that were changed by it.")
    failure: str | None
    created_at: datetime
    updated_at: datetime


def begin(principal: Principal, search_id: UUID, asked: ActionRequest, *, queue: ActionQueue) -> ActionAnswer:
    """Queues the job. Raises: NotFoundError for a search that is not there."""
    recorded = recorded_search(principal.workspace_id, search_id)
    with transaction(principal.workspace_id) as conn:
        row = store.add(
            conn,
            workspace_id=principal.workspace_id,
            search_id=recorded.id,
            asked_by=principal.principal_id,
            **asked.model_dump() | {"tags": [tag.strip() for tag in asked.tags]},
        )
    # Not before: a worker that finds no row has it delivered again after half an hour.
    queue.send(message_of(row))
    return answer_of(row)


def read(principal: Principal, action_id: UUID, *, queue: ActionQueue) -> ActionAnswer:
    """How far a job is; one whose message may be lost is queued again. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        row = _found(store.action(conn, action_id))
        lost = store.hand_over_again(conn, action_id, after_s=LOST_AFTER_S)
    if lost:
        queue.send(message_of(row))
    return answer_of(row)


def cancel(principal: Principal, action_id: UUID) -> ActionAnswer:
    """What was done stays done. Raises: NotFoundError, ConflictError when it has ended."""
    with transaction(principal.workspace_id) as conn:
        row = store.end(conn, action_id, status="cancelled")
        if row is None:
            ended = _found(store.action(conn, action_id))
            raise ConflictError(f"The job is {ended['status']}.")
        return answer_of(row)


def work(
    message: Mapping[str, Any],
    *,
    queue: ActionQueue,
    purges: Queue,
    clock: Callable[[], float] = time.monotonic,
    work_s: float = WORK_S,
) -> None:
    """One delivery: video by video from where the last one stopped. Raises: NotFoundError while unknown."""
    workspace_id, action_id = UUID(str(message["workspace_id"])), UUID(str(message["action_id"]))
    with transaction(workspace_id) as conn:
        _found(store.action(conn, action_id))
        row = store.start(conn, action_id)
    if row is None:
        return
    ends_at = clock() + work_s
    try:
        recorded = recorded_search(workspace_id, row["search_id"])
        for asset_id, judged in _by_video(workspace_id, recorded, row):
            row = _act(workspace_id, row, asset_id, len(judged), recorded=recorded, purges=purges)
            if row["status"] != "running":
                return
            if clock() > ends_at:
                queue.send(message_of(row))
                return
    except SightlineError as error:
        if error.retryable:
            raise
        with transaction(workspace_id) as conn:
            store.end(conn, action_id, status="failed", failure=error.detail)
        logger.warning("action failed", action_id=str(action_id), code=error.slug)
        return
    with transaction(workspace_id) as conn:
        store.end(conn, action_id, status="done")


def _by_video(workspace_id: UUID, recorded: Recorded, row: Row) -> Iterator[tuple[UUID, list[Judged]]]:
    left = None if row["most"] is None else max(row["most"] - row["moments"], 0)
    found = every_moment(
        workspace_id,
        recorded,
        min_relevance=row["min_relevance"],
        after_asset=row["after_asset"],
        most=left,
    )
    for asset_id, judged in groupby(found, key=lambda one: one.moment.peak.asset_id):
        yield asset_id, list(judged)


def _act(
    workspace_id: UUID, row: Row, asset_id: UUID, moments: int, *, recorded: Recorded, purges: Queue
) -> Row:
    """One video and the note that it is done with, in one transaction; a second worker finds it done."""
    with transaction(workspace_id) as conn:
        now = _found(store.lock(conn, row["id"]))
        if now["status"] != "running" or (now["after_asset"] and now["after_asset"] >= asset_id):
            return now
        gone = None
        if row["action"] == "delete":
            gone = store.hide(conn, asset_id)
            changed = gone is not None
        else:
            changed = store.retag(conn, asset_id, tags=row["tags"], add=row["action"] == "tag")
        fraction = store.share_up_to(conn, recorded.request.filters, asset_id)
        now = store.note(conn, row["id"], asset_id, moments=moments, changed=changed, fraction=fraction)
    if gone is not None:
        # When this fails the sweep finds the hidden video and sends the message again.
        purges.send({"workspace_id": str(workspace_id), "asset_id": str(asset_id)})
    return now


def message_of(row: Row) -> dict[str, str]:
    """What the queue carries."""
    return {"workspace_id": str(row["workspace_id"]), "action_id": str(row["id"])}


def answer_of(row: Row) -> ActionAnswer:
    """A job as its owner sees it."""
    return ActionAnswer(**{name: row[name] for name in ActionAnswer.model_fields})


def _found(row: Row | None) -> Row:
    if row is None:
        raise NotFoundError("There is no such job.")
    return row
