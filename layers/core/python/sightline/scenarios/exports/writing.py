"""The worker's side of an export: picks, plans, decodes and writes, for as long as one call may take.

Whatever is killed in between goes on from the last checkpoint, which lies between two files.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO
from uuid import UUID

from sightline.database import Row, transaction
from sightline.errors import NotFoundError, SightlineError, UnreadableMediaError, UploadIncompleteError
from sightline.media.clips import ClipError, cut
from sightline.media.rules import source_key
from sightline.media.stills import stills
from sightline.ports import Blobs, Events
from sightline.scenarios.exports import contents, rules, store
from sightline.scenarios.exports.archive import Entry, directory
from sightline.scenarios.exports.archiving import Archiver, Stored
from sightline.scenarios.exports.contents import Made
from sightline.scenarios.exports.schemas import MAX_PIECES
from sightline.settings import get_settings
from sightline.telemetry import logger

CHECKPOINT_S = 20.0
"""Seconds of work that a kill may cost, where less than a part was written in them."""
PAGE = 500
READY, FAILED = "export.ready", "export.failed"

Moments = Sequence[Mapping[str, Any]]
Finder = Callable[[Row], Moments]
"""The moments of an export's search, best first."""


class RefusedError(Exception):
    """The export cannot be made; the message is one of rules.FAILURE_CODES."""


class ReplacedError(Exception):
    """Another worker took over, or nobody wants the export any more."""


@dataclass(slots=True)
class Work:
    """One worker's turn at one export."""

    job: Row
    blobs: Blobs
    archiver: Archiver
    ends_at: float
    done: list[dict[str, Any]] = field(default_factory=list)
    kept_at: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        """Whether the call's time is up."""
        return time.monotonic() >= self.ends_at

    def wrote(self, piece: Row, stored: Stored, **facts: Any) -> None:
        """A file is in the archive."""
        entry = stored.entry
        self._settle(
            piece,
            path=entry.path,
            byte_offset=entry.offset,
            size_bytes=entry.size_bytes,
            crc32=entry.crc32,
            sha256=stored.sha256,
            **facts,
        )

    def left_out(self, piece: Row, problem: str) -> None:
        """A file cannot be made; the export goes on without it."""
        self._settle(piece, problem=problem)

    def _settle(self, piece: Row, **facts: Any) -> None:
        self.done.append({**dict.fromkeys(_FACTS), **facts, "no": piece["no"]})
        if self.archiver.end > rules.MAX_ARCHIVE_BYTES:
            raise RefusedError("too-large")
        if self.archiver.sent or time.monotonic() - self.kept_at > CHECKPOINT_S:
            self.keep()

    def keep(self) -> None:
        """A checkpoint. Raises: ReplacedError."""
        with transaction(self.job["workspace_id"]) as conn:
            held = store.checkpoint(
                conn,
                self.job,
                pieces=self.done,
                parts=self.archiver.sent,
                archive_bytes=self.archiver.end,
                tail=bytes(self.archiver.gathered),
            )
        if not held:
            raise ReplacedError
        self.done, self.archiver.sent, self.kept_at = [], [], time.monotonic()


_FACTS = ("path", "byte_offset", "size_bytes", "crc32", "sha256", "shown_start_s", "shown_end_s", "width",
          "height", "problem")  # fmt: skip


def write_export(
    *, workspace_id: str, export_id: str, attempt: int, blobs: Blobs, events: Events, find: Finder
) -> dict[str, Any]:
    """One turn; "more" says that another is needed. Raises: DatabaseUnavailableError, ..."""
    with transaction(workspace_id) as conn:
        job = store.claim(conn, UUID(export_id), attempt=attempt)
    if job is None:
        return {"more": False}
    try:
        job = _prepared(job, blobs=blobs, find=find) if job["status"] == "preparing" else job
        more = _write(job, blobs=blobs, events=events)
    except RefusedError as error:
        refuse(job, str(error), blobs=blobs, events=events)
        return {"more": False}
    except ReplacedError:
        logger.info("export was taken over or ended")
        return {"more": False}
    except (NotFoundError, UploadIncompleteError):
        more = _begin_over(job, blobs=blobs)
        if not more:
            refuse(job, "upload-lost", blobs=blobs, events=events)
    return {"more": more}


def _prepared(job: Row, *, blobs: Blobs, find: Finder) -> Row:
    """Finds the moments where a search was given, plans the files and opens the archive."""
    asked, workspace_id = job["request"], job["workspace_id"]
    moments = _found(job, find) if asked.get("search") or asked.get("search_id") else None
    with transaction(workspace_id) as conn:
        if moments is not None:
            store.add_moments(conn, workspace_id=workspace_id, export_id=job["id"], moments=moments)
        pieces = store.plan_pieces(
            conn,
            job["id"],
            frames=asked["frames"],
            clip_padding_s=asked["clips"]["padding_s"] if asked.get("clips") else None,
            most=MAX_PIECES,
        )
    if not pieces:
        raise RefusedError("no-moments")
    if pieces > MAX_PIECES:
        raise RefusedError("too-many-files")
    return _opened(job, blobs=blobs, pieces=pieces, beginning=job["begun_over"])


def _found(job: Row, find: Finder) -> Moments:
    try:
        return find(job)
    except SightlineError as error:
        if error.retryable:
            raise
        logger.warning("the search of an export was refused", code=error.slug)
        raise RefusedError("search-refused") from error


def _opened(job: Row, *, blobs: Blobs, pieces: int | None, beginning: int) -> Row:
    key = rules.archive_key(job["workspace_id"], job["id"], beginning)
    upload_id = blobs.create_multipart(key, content_type="application/zip")
    with transaction(job["workspace_id"]) as conn:
        opened = store.begin_archive(
            conn, job, object_key=key, upload_id=upload_id, pieces=pieces, begun_over=beginning
        )
    if opened is None:
        blobs.abort_multipart(key, upload_id=upload_id)
        raise ReplacedError
    return opened


def _begin_over(job: Row, *, blobs: Blobs) -> bool:
    """The upload is gone or was muddled by two workers: everything is written again, but not for ever."""
    if job["begun_over"] + 1 >= rules.MOST_BEGINNINGS:
        return False
    logger.warning("export begins over", export_id=str(job["id"]))
    _opened(job, blobs=blobs, pieces=None, beginning=job["begun_over"] + 1)
    return True


def _write(job: Row, *, blobs: Blobs, events: Events) -> bool:
    """Files until all are there or the time is up; whether some are left."""
    archiver = Archiver(
        blobs,
        job["object_key"],
        job["upload_id"],
        made_at=job["created_at"],
        end=job["archive_bytes"],
        next_part=len(_parts(job)) + 1,
        gathered=bytearray(job["tail"]),
    )
    work = Work(job, blobs, archiver, ends_at=time.monotonic() + get_settings().export_turn_s)
    while pieces := _pieces_left(job):
        _write_pieces(work, pieces)
        work.keep()
        if work.over:
            return True
    _finish(work, events=events)
    return False


def _parts(job: Row) -> list[tuple[int, str]]:
    with transaction(job["workspace_id"]) as conn:
        return store.parts(conn, job["id"])


def _pieces_left(job: Row) -> list[Row]:
    with transaction(job["workspace_id"]) as conn:
        return store.pieces_left(conn, job["id"], limit=PAGE)


def _write_pieces(work: Work, pieces: Sequence[Row]) -> None:
    """Frames or clips of one video."""
    with transaction(work.job["workspace_id"]) as conn:
        source = store.source(conn, pieces[0]["asset_id"])
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


def _finish(work: Work, *, events: Events) -> None:
    """What the archive says of itself, its directory, and the end of the upload."""
    job = work.job
    if not _is_complete(work):
        _complete(work)
    with transaction(job["workspace_id"]) as conn:
        ready = store.finish(conn, job, keep_days=get_settings().export_keep_days)
    if ready is None:
        work.blobs.delete_prefix(job["object_key"])
        raise ReplacedError
    events.publish(READY, _detail(ready))
    logger.info("export ready", export_id=str(job["id"]), size_bytes=ready["size_bytes"])


def _is_complete(work: Work) -> bool:
    """Whether an earlier turn completed it and died before it could say so."""
    if work.job["size_bytes"] is None:
        return False
    stored = work.blobs.head(work.job["object_key"])
    return stored is not None and stored.size_bytes == work.job["size_bytes"]


def _complete(work: Work) -> None:
    job, archiver = work.job, work.archiver
    files, manifest = _write_contents(work)
    begins_at = archiver.end
    archiver.add_raw(directory(_entries(job, files), begins_at=begins_at, made_at=job["created_at"]))
    archiver.send()
    with transaction(job["workspace_id"]) as conn:
        sealed = store.seal(conn, job, size_bytes=archiver.end, manifest_sha256=manifest.sha256)
    if not sealed:
        raise ReplacedError
    numbered = [*_parts(job), *((number, etag) for number, etag, _ in archiver.sent)]
    work.blobs.complete_multipart(archiver.key, upload_id=archiver.upload_id, parts=numbered)


def _write_contents(work: Work) -> tuple[list[Stored], Stored]:
    """Metadata and manifest, by way of the disk: there may be a hundred thousand lines of each."""
    job = work.job
    asked, stored = job["request"], []
    with transaction(job["workspace_id"]) as conn, TemporaryDirectory() as folder:
        videos = store.videos(conn, job["id"])
        made = Made(videos, padding_s=asked["clips"]["padding_s"] if asked.get("clips") else 0.0)
        for piece in store.entries(conn, job["id"]):
            made.add(piece)
        for name, write in {
            "labels.json": contents.labels_json(job, store.entries(conn, job["id"])),
            "moments.json": contents.moments_json(job, store.moments(conn, job["id"]), made),
            "moments.csv": contents.moments_csv(store.moments(conn, job["id"]), made),
            "frames.csv": contents.frames_csv(store.entries(conn, job["id"])),
        }.items():
            stored.append(_added(work.archiver, Path(folder), name, write))
        files = chain(_listed(store.entries(conn, job["id"])), map(_as_listed, stored))
        manifest = _added(work.archiver, Path(folder), "manifest.json", contents.manifest_json(files))
    return [*stored, manifest], manifest


def _added(archiver: Archiver, folder: Path, name: str, write: contents.Writer) -> Stored:
    file = folder / name
    with file.open("w", encoding="utf-8", newline="") as out:
        write(out)
    return archiver.add_file(name, file)


def _listed(pieces: Iterable[Row]) -> Iterable[Mapping[str, Any]]:
    return (piece for piece in pieces if piece["path"])


def _as_listed(stored: Stored) -> Mapping[str, Any]:
    return {"path": stored.entry.path, "size_bytes": stored.entry.size_bytes, "sha256": stored.sha256}


def _entries(job: Row, files: Sequence[Stored]) -> Iterable[Entry]:
    with transaction(job["workspace_id"]) as conn:
        for piece in store.entries(conn, job["id"]):
            if piece["path"]:
                yield Entry(piece["path"], piece["byte_offset"], piece["size_bytes"], piece["crc32"])
    yield from (file.entry for file in files)


def refuse(job: Row, code: str, *, blobs: Blobs, events: Events) -> None:
    """Ends an export that cannot be made."""
    with transaction(job["workspace_id"]) as conn:
        ended = store.end(conn, job["id"], status="failed", code=code, reason=rules.FAILURE_CODES[code])
    if ended is not None:
        discard(ended, blobs=blobs)
        events.publish(FAILED, {**_detail(ended), "code": code})


def discard(job: Row, *, blobs: Blobs) -> None:
    """Drops what was written of an archive that nobody will finish."""
    if job["upload_id"] is not None:
        blobs.abort_multipart(job["object_key"], upload_id=job["upload_id"])
        with transaction(job["workspace_id"]) as conn:
            store.forget_upload(conn, job["id"])


def _detail(job: Row) -> dict[str, Any]:
    return {"workspace_id": str(job["workspace_id"]), "export_id": str(job["id"])}
