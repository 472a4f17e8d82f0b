"""A kept concept applied: to everything that is indexed, and to each video that becomes ready."""

import math
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pgvector import HalfVector

from sightline.database import Connection, Row, transaction
from sightline.ports.work import ApplicationQueue
from sightline.scenarios.concepts import applied_store, rules, store
from sightline.telemetry import logger
from sightline.vectors.spaces import find_space

# Videos a message looks at: a few seconds, each in a transaction of its own.
PAGE = 50
# Past this many tags a video takes no more (media's own limit).
MAX_TAGS = 50


def apply_concept(message: Mapping[str, Any], *, queue: ApplicationQueue) -> None:
    """One page of videos, and a message for the next. A version that is no longer kept is let go."""
    workspace_id, concept_id = str(UUID(message["workspace_id"])), UUID(message["concept_id"])
    after = UUID(message["after"]) if message.get("after") else None
    with transaction(workspace_id) as conn:
        kept = applied_store.kept_concept(conn, concept_id)
        assets = applied_store.ready_assets(conn, after=after, limit=PAGE)
    if kept is None or kept["version"] != int(message["version"]):
        logger.info("concept has another version by now", concept_id=str(concept_id))
        return
    for asset in assets:
        with transaction(workspace_id) as conn:
            _apply(conn, kept, asset["id"])
    if len(assets) == PAGE:
        queue.send({**message, "after": str(assets[-1]["id"])})
    else:
        logger.info("concept applied", concept_id=str(concept_id), version=kept["version"])


def apply_kept_concepts(workspace_id: str, asset_id: UUID) -> None:
    """Every concept in use, to one video."""
    with transaction(workspace_id) as conn:
        kept = applied_store.kept_concepts(conn)
    for one in kept:
        with transaction(workspace_id) as conn:
            _apply(conn, one, asset_id)


def _apply(conn: Connection, kept: Row, asset_id: UUID) -> None:
    """What a version says of a video, in place of what was said before; done twice, it is done once."""
    concept = store.lock_concept(conn, kept["id"], share=True)
    asset = applied_store.shown_asset(conn, asset_id)
    if concept is None or concept["kept_version"] != kept["version"] or asset is None:
        return
    frames = _frames(conn, kept, asset)
    if not frames:
        return  # indexed with another model
    bar, curve = concept["bar"], kept["calibration"]
    hits = rules.hits_of(frames, bar=bar, interval_s=asset["interval_s"], curve=curve)
    surest = max(rules.confidence(frame.log_odds, curve) for frame in frames)
    applied_store.replace_hits(
        conn, kept=kept, asset_id=asset_id, run=asset["ready_run"], confidence=surest, hits=hits
    )
    applied_store.set_tag(conn, asset_id, tag=rules.tag_of(kept["name"]), shows=bool(hits), most=MAX_TAGS)


def _frames(conn: Connection, kept: Row, asset: Row) -> list[rules.Seen]:
    space = find_space(conn, model_id=kept["model_id"], dim=kept["dim"])
    if space is None:
        return []
    # halfvec holds numbers of length 1 best; the length goes back in afterwards.
    length = math.hypot(*kept["weights"]) or 1.0
    direction = HalfVector([weight / length for weight in kept["weights"]])
    rows = applied_store.scores(
        conn,
        table=space.table,
        dim=space.dim,
        direction=direction,
        asset_id=asset["id"],
        run=asset["ready_run"],
    )
    return [rules.Seen(row["time_s"], length * row["score"] + kept["bias"]) for row in rows]
