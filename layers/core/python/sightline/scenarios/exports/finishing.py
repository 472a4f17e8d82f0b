"""The end of an archive: what it says of itself, its directory, and the end of the upload."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sightline.database import Row, transaction
from sightline.ports.work import Events
from sightline.scenarios.exports import contents, work_store
from sightline.scenarios.exports.archive import Entry, directory
from sightline.scenarios.exports.archiving import Archiver, Stored
from sightline.scenarios.exports.contents import Made
from sightline.scenarios.exports.ending import READY, detail
from sightline.scenarios.exports.work import ReplacedError, Work
from sightline.settings import get_settings
from sightline.telemetry import logger


def finish(work: Work, *, events: Events) -> None:
    """What the archive says of itself, its directory, and the end of the upload."""
    job = work.job
    if not _is_complete(work):
        _complete(work)
    with transaction(job["workspace_id"]) as conn:
        ready = work_store.finish(conn, job, keep_days=get_settings().export_keep_days)
    if ready is None:
        work.blobs.delete_prefix(job["object_key"])
        raise ReplacedError
    events.publish(READY, detail(ready))
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
        sealed = work_store.seal(conn, job, size_bytes=archiver.end, manifest_sha256=manifest.sha256)
    if not sealed:
        raise ReplacedError
    with transaction(job["workspace_id"]) as conn:
        parts = work_store.parts(conn, job["id"])
    numbered = [*parts, *((number, etag) for number, etag, _ in archiver.sent)]
    work.blobs.complete_multipart(archiver.key, upload_id=archiver.upload_id, parts=numbered)


def _write_contents(work: Work) -> tuple[list[Stored], Stored]:
    """Metadata and manifest, by way of the disk: there may be a hundred thousand lines of each."""
    job = work.job
    asked, stored = job["request"], []
    with transaction(job["workspace_id"]) as conn, TemporaryDirectory() as folder:
        videos = work_store.videos(conn, job["id"])
        made = Made(videos, padding_s=asked["clips"]["padding_s"] if asked.get("clips") else 0.0)
        for piece in work_store.entries(conn, job["id"]):
            made.add(piece)
        for name, write in {
            "labels.json": contents.labels_json(job, work_store.entries(conn, job["id"])),
            "moments.json": contents.moments_json(job, work_store.moments(conn, job["id"]), made),
            "moments.csv": contents.moments_csv(work_store.moments(conn, job["id"]), made),
            "frames.csv": contents.frames_csv(work_store.entries(conn, job["id"])),
        }.items():
            stored.append(_added(work.archiver, Path(folder), name, write))
        files = chain(_listed(work_store.entries(conn, job["id"])), map(_as_listed, stored))
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
        for piece in work_store.entries(conn, job["id"]):
            if piece["path"]:
                yield Entry(piece["path"], piece["byte_offset"], piece["size_bytes"], piece["crc32"])
    yield from (file.entry for file in files)
