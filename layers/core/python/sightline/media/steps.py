"""The state machine's steps that read the video: probe it, extract a chunk's sheets."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sightline.database import Row, transaction
from sightline.errors import NotFoundError
from sightline.media import rules, run_store, sampling
from sightline.media.container import open_video
from sightline.media.damage import Damage
from sightline.media.decode import Sampler
from sightline.media.failures import unreadable
from sightline.media.indexing import superseded
from sightline.media.probe import VideoFacts, look_into
from sightline.media.sampling import Chunk, Plan
from sightline.media.sheets import Sheet, sheets_of
from sightline.media.timeline import Timeline
from sightline.ports.objects import Blobs
from sightline.settings import get_settings
from sightline.telemetry import logger


def probe_media(*, workspace_id: str, asset_id: str, run: int, blobs: Blobs) -> dict[str, Any]:
    """What the file is and how it is cut. Raises: UnreadableMediaError, ConflictError."""
    with transaction(workspace_id) as conn:
        row = _live(run_store.set_stage(conn, UUID(asset_id), run, "probing"))
    facts, timeline = _looked_into(row, blobs=blobs)
    plan, chunks, frames = plan_of(facts, timeline, interval_s=row["interval_s"])
    with transaction(workspace_id) as conn:
        _live(run_store.running(conn, row["id"], run, lock=True))
        run_store.save_plan(conn, row, facts=asdict(facts), plan=plan, chunks=chunks, frames=frames)
    batches = sampling.batches_of(chunks, sheets_per_chunk=sampling.chunk_sheets(frames))
    return {"batches": [{"chunks": [asdict(chunk) for chunk in batch]} for batch in batches]}


def _looked_into(row: Row, *, blobs: Blobs) -> tuple[VideoFacts, Timeline]:
    key = rules.source_key(row["workspace_id"], row["id"])
    try:
        with blobs.open(key, version_id=row["source_version"]) as source:
            size_bytes = source.seek(0, 2)
            source.seek(0)
            _check_size(row, size_bytes)
            return look_into(source, content_type=row["content_type"], size_bytes=size_bytes)
    except NotFoundError as error:
        raise unreadable("source-missing") from error


def _check_size(row: Row, size_bytes: int) -> None:
    if size_bytes == 0:
        raise unreadable("empty-file")
    if size_bytes != row["size_bytes"]:
        raise unreadable(
            "size-mismatch", f"{row['size_bytes']:,} bytes were declared and {size_bytes:,} arrived."
        )


def plan_of(facts: VideoFacts, timeline: Timeline, *, interval_s: float) -> tuple[Plan, list[Chunk], int]:
    """How the video is sampled and cut, and how many frames that gives. Raises: UnreadableMediaError."""
    grid = sampling.tile_grid(width=facts.width, height=facts.height)
    if timeline.complete:
        cells = sampling.occupied_cells(timeline.times_s.tolist(), interval_s)
    else:
        cells = sampling.cells_until(facts.duration_s, interval_s)
    if len(cells) > sampling.MAX_FRAMES:
        least_s = facts.duration_s / sampling.MAX_FRAMES
        raise unreadable(
            "too-many-frames", f"At this interval it has {len(cells):,} frames; use {least_s:.1f} s or more."
        )
    keyframes = timeline.complete and cells == sampling.occupied_cells(timeline.keys_s.tolist(), interval_s)
    plan = Plan(
        mode="keyframes" if keyframes else "all",
        interval_s=interval_s,
        origin_s=timeline.origin_s,
        columns=grid.columns,
        rows=grid.rows,
        tile_width=grid.tile_width,
        tile_height=grid.tile_height,
        exact=timeline.complete,
    )
    pixels_per_s = 0.0 if keyframes else facts.width * facts.height * facts.fps
    per_chunk = sampling.chunk_cells(
        frames=len(cells), grid=grid, interval_s=interval_s, pixels_per_s=pixels_per_s
    )
    opened = sampling.opened_cells(timeline.keys_s.tolist(), interval_s)
    chunks = sampling.chunks_of(cells, per_chunk=per_chunk, interval_s=interval_s, opened=opened)
    return plan, chunks, len(cells)


def extract_frames(
    *, workspace_id: str, asset_id: str, run: int, chunk: Mapping[str, Any], blobs: Blobs
) -> dict[str, Any]:
    """Decodes one chunk into contact sheets. A retry writes the same keys and rows.

    Raises: UnreadableMediaError, ConflictError.
    """
    with transaction(workspace_id) as conn:
        row = _live(run_store.running(conn, UUID(asset_id), run))
    stretch, plan = Chunk(**chunk), Plan(**row["plan"])
    stored, damage = _extract(row, plan, stretch, blobs=blobs)
    with transaction(workspace_id) as conn:
        alive = run_store.running(conn, row["id"], run, lock=True)
        if alive is not None:
            frames = sum(sheet["tiles"] for sheet in stored)
            run_store.save_sheets(
                conn, row, chunk=stretch, sheets=stored, frames=frames, damaged=damage.damaged
            )
    if alive is None:
        # A purge may have come and gone while we wrote.
        for sheet in stored:
            blobs.delete_prefix(sheet["object_key"])
        raise superseded()
    return {"sheets": [{"sheet_no": sheet["sheet_no"]} for sheet in stored]}


def _extract(row: Row, plan: Plan, chunk: Chunk, *, blobs: Blobs) -> tuple[list[dict[str, Any]], Damage]:
    key = rules.source_key(row["workspace_id"], row["id"])
    stored = []
    with (
        blobs.open(key, version_id=row["source_version"]) as source,
        open_video(source) as (container, stream),
    ):
        sampler = Sampler(container, stream, plan, chunk, threads=get_settings().decode_threads)
        for number, sheet in enumerate(sheets_of(sampler, plan.grid)):
            stored.append(_store(row, plan, sheet, chunk.first_sheet + number, blobs=blobs))
    _check_damage(sampler.damage, chunk)
    return stored, sampler.damage


def _store(row: Row, plan: Plan, sheet: Sheet, sheet_no: int, *, blobs: Blobs) -> dict[str, Any]:
    key = rules.sheet_key(row["workspace_id"], row["id"], row["run"], sheet_no)
    blobs.put(key, sheet.jpeg, content_type="image/jpeg")
    return {
        "sheet_no": sheet_no,
        "object_key": key,
        "columns": sheet.columns,
        "tile_width": plan.tile_width,
        "tile_height": plan.tile_height,
        "tiles": len(sheet.times_s),
        "times_s": list(sheet.times_s),
    }


def _check_damage(damage: Damage, chunk: Chunk) -> None:
    if not damage.bearable:
        raise unreadable(
            "corrupt-media",
            f"From {chunk.start_s:.0f} to {chunk.end_s:.0f} s, {damage.share:.0%} of its frames are damaged.",
        )
    if damage.damaged:
        logger.warning("damaged frames were left out", damaged=damage.damaged, decoded=damage.decoded)


def _live(row: Row | None) -> Row:
    if row is None:
        raise superseded()
    return row
