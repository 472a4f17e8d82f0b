"""A video became ready: every kept concept says what it shows, every standing search whether it is in it.

Each search looks at each run of a video once; what it found is written down together with the webhooks that
tell of it, so that a message delivered twice, or a process killed in between, neither loses nor doubles any.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sightline.database import Row, transaction
from sightline.errors import NotFoundError, ValidationError
from sightline.outgoing.delivery import announce, hand_over
from sightline.outgoing.schemas import EventType
from sightline.ports.work import DelayedQueue, Events
from sightline.scenarios.finding import Judged
from sightline.scenarios.pipeline import Providers, compose_for, find_in_asset
from sightline.scenarios.saved import match_store
from sightline.scenarios.saved.schemas import MatchedData
from sightline.scenarios.schemas import SearchRequest
from sightline.telemetry import MetricUnit, logger, metrics

MATCHED: EventType = "search.matched"


@dataclass(frozen=True, slots=True)
class Outside:
    """What a match needs beside the database. tag: what kept concepts do with a new video."""

    providers: Providers
    events: Events
    deliveries: DelayedQueue
    tag: Callable[[str, UUID], None]


def asset_ready(event: Mapping[str, Any], outside: Outside) -> None:
    """An asset.ready event. Told twice or late, it changes nothing."""
    detail = event["detail"]
    workspace_id, asset_id = str(UUID(detail["workspace_id"])), UUID(detail["asset_id"])
    outside.tag(workspace_id, asset_id)
    with transaction(workspace_id) as conn:
        asset = match_store.ready_run(conn, asset_id)
        waiting = match_store.standing(conn, asset_id, asset["ready_run"]) if asset else []
    for saved in waiting:
        if asset is not None:
            _look(workspace_id, saved, asset, outside)


def _look(workspace_id: str, saved: Row, asset: Row, outside: Outside) -> None:
    moments = [_moment(one) for one in _found(workspace_id, saved, asset, outside)]
    with transaction(workspace_id) as conn:
        match = match_store.put_match(
            conn,
            workspace_id=workspace_id,
            saved=saved,
            asset_id=asset["id"],
            run=asset["ready_run"],
            moments=moments,
        )
        if not match["moments"]:
            return
        told = _detail(workspace_id, saved, asset, match)
        deliveries = announce(
            conn, workspace_id=workspace_id, event_type=MATCHED, data=told, occasion=f"match {match['id']}"
        )
    hand_over(outside.deliveries, workspace_id=workspace_id, delivery_ids=deliveries)
    outside.events.publish(MATCHED, told)
    with transaction(workspace_id) as conn:
        match_store.told(conn, match["id"])
    metrics.add_metric("SearchesMatched", MetricUnit.Count, 1)
    logger.info("standing search matched", saved_search_id=str(saved["id"]), moments=len(match["moments"]))


def _found(workspace_id: str, saved: Row, asset: Row, outside: Outside) -> list[Judged]:
    request = SearchRequest.model_validate(saved["request"])
    try:
        composed = compose_for(workspace_id, request, providers=outside.providers)
    except (NotFoundError, ValidationError) as error:
        # Its example was deleted, or its concept is kept no more: that is its owner's to mend.
        logger.warning(
            "standing search cannot be asked", saved_search_id=str(saved["id"]), error=error.detail
        )
        return []
    return find_in_asset(workspace_id, request, composed, asset_id=asset["id"], min_relevance=saved["bar"])


def _moment(found: Judged) -> dict[str, Any]:
    moment = found.moment
    return {
        "start_s": moment.start_s,
        "end_s": moment.end_s,
        "peak_s": moment.peak.time_s,
        "score": round(moment.peak.score, 6),
        "relevance": round(found.relevance, 6),
    }


def _detail(workspace_id: str, saved: Row, asset: Row, match: Row) -> dict[str, Any]:
    told = MatchedData(
        workspace_id=UUID(workspace_id),
        match_id=match["id"],
        saved_search_id=saved["id"],
        saved_search_name=saved["name"],
        version=saved["version"],
        bar=saved["bar"],
        asset_id=asset["id"],
        asset_name=asset["name"],
        run=match["run"],
        best=match["best"],
        moments=match["moments"],
    )
    return told.model_dump(mode="json")
