"""The files of an archive that are cut from one video: full-resolution frames, and clips."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from sightline.database import Row, transaction
from sightline.errors import NotFoundError, UnreadableMediaError
from sightline.media.clips import ClipError, cut
from sightline.media.rules import source_key
from sightline.media.stills import stills
from sightline.scenarios.exports import rules, work_store
from sightline.scenarios.exports.work import Work


def write_pieces(work: Work, pieces: Sequence[Row]) -> None:
    """Frames or clips of one video."""
    with transaction(work.job["workspace_id"]) as conn:
        source = work_store.source(conn, pieces[0]["asset_id"])
    left = {piece["no"]: piece for piece in pieces}
    problem = "video-deleted" if source is None else _made(work, source, pieces[0]["kind"], left)
    for piece in list(left.values()):
        work.left_out(piece, problem)


def _made(work: Work, source: Row, kind: str, left: dict[int, Row]) -> str:
    """Takes what it settles out of left; answers why the rest cannot be made."""
    key = source_key(source["workspace_id"], source["id"])
    try:
        reader = work.blobs.open(key, version_id=source["source_version"])
    except NotFoundError:
        return "source-missing"
    with reader as opened:
        try:
            (_write_frames if kind == "frame" else _write_clips)(work, opened, left)
        except UnreadableMediaError:
            return "unreadable"
    return "no-picture"


def _write_frames(work: Work, source: BinaryIO, left: dict[int, Row]) -> None:
    pieces = list(left.values())
    pictures = stills(
        source, [piece["start_s"] for piece in pieces], quality=work.job["request"]["jpeg_quality"]
    )
    for piece, (_, still) in zip(pieces, pictures, strict=True):
        del left[piece["no"]]
        if still is None:
            work.left_out(piece, "no-picture")
        else:
            stored = work.archiver.add_bytes(rules.path_of(piece, suffix="jpg"), still.jpeg)
            size = {"width": still.width, "height": still.height}
            work.wrote(piece, stored, shown_start_s=still.time_s, shown_end_s=still.time_s, **size)
        if work.over:
            left.clear()
            return


def _write_clips(work: Work, source: BinaryIO, left: dict[int, Row]) -> None:
    for piece in list(left.values()):
        del left[piece["no"]]
        with TemporaryDirectory() as folder:
            file = Path(folder) / "clip"
            span = {"start_s": piece["start_s"], "end_s": piece["end_s"]}
            source.seek(0)
            try:
                clip = cut(source, file, **span, max_bytes=rules.MAX_CLIP_BYTES)
            except ClipError as error:
                work.left_out(piece, str(error))
            else:
                stored = work.archiver.add_file(rules.path_of(piece, suffix=clip.container), file)
                work.wrote(piece, stored, shown_start_s=clip.start_s, shown_end_s=clip.end_s)
        if work.over:
            left.clear()
            return
