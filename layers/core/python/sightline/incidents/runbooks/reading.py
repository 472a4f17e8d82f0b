"""Files out of a request, a ZIP or a bucket: only Markdown, only so much, and no path that leads outside."""

import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from sightline.errors import ValidationError
from sightline.incidents.runbooks.schemas import MAX_FILES, MAX_PATH_CHARS

SUFFIXES = frozenset({".md", ".markdown", ".mdown", ".txt"})
MAX_FILE_BYTES = 500_000
MAX_TOTAL_BYTES = 20_000_000
MAX_RATIO = 200
"""Of unpacked to packed bytes: prose packs to a fifth; a bomb is a thousand times larger inside."""

_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError, ValueError)


@dataclass(slots=True)
class Read:
    """Files by path, and why others were refused."""

    files: dict[str, str] = field(default_factory=dict)
    refused: list[dict[str, str]] = field(default_factory=list)

    def take(self, path: str, data: bytes) -> None:
        """Keeps a file, or says why not."""
        name = clean_path(path)
        reason = None if name else "its path leads nowhere that we go"
        if len(data) > MAX_FILE_BYTES:
            reason = f"it has more than {MAX_FILE_BYTES:,} bytes"
        elif len(self.files) >= MAX_FILES:
            reason = f"there are more than {MAX_FILES:,} files"
        try:
            text = data.decode("utf-8-sig").replace("\x00", "")
        except UnicodeDecodeError:
            text, reason = "", reason or "it is not UTF-8"
        if not reason and not text.strip():
            reason = "it is empty"
        if reason or name is None:
            self.refuse(path, reason or "")
        else:
            self.files[name] = text

    def refuse(self, path: str, reason: str) -> None:
        self.refused.append({"path": path[:MAX_PATH_CHARS].replace("\x00", ""), "reason": reason})


def clean_path(path: str) -> str | None:
    """Relative, with forward slashes; None for what climbs out, is absolute or is too long."""
    parts = path.replace("\\", "/").split("/")
    if path.startswith(("/", "\\")) or ".." in parts or any(":" in part for part in parts[:1]):
        return None
    name = "/".join(part for part in parts if part not in ("", "."))
    return name if 0 < len(name) <= MAX_PATH_CHARS and name.isprintable() else None


def is_runbook(path: str) -> bool:
    """By its name; hidden files and those of a Mac's archiver are not."""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    hidden = any(part.startswith((".", "__MACOSX")) and part not in (".", "..") for part in parts)
    return not hidden and PurePosixPath(path).suffix.lower() in SUFFIXES


def pack(files: Iterable[Mapping[str, str]]) -> bytes:
    """Files of a request as they wait for their turn."""
    return json.dumps([[one["path"], one["text"]] for one in files]).encode()


def unpack(payload: bytes) -> Read:
    """The other way."""
    read = Read()
    for path, text in json.loads(payload):
        read.take(path, text.encode(errors="replace"))
    return read


def check_zip(data: bytes) -> None:
    """By its directory alone, before anything is unpacked. Raises: ValidationError."""
    entries = _entries(_opened(data))
    if len(entries) > MAX_FILES:
        raise _refused(f"It has more than {MAX_FILES:,} runbooks.")
    if sum(entry.file_size for entry in entries) > MAX_TOTAL_BYTES:
        raise _refused(f"Its runbooks have more than {MAX_TOTAL_BYTES:,} bytes.")
    if any(entry.file_size > MAX_RATIO * max(entry.compress_size, 1) for entry in entries):
        raise _refused(f"It unpacks to more than {MAX_RATIO} times its size.")
    if any(entry.flag_bits & 1 for entry in entries):
        raise _refused("It has a password.")
    if not entries:
        raise _refused("It has no Markdown file.")


def unzip(data: bytes) -> Read:
    """Its Markdown files; what a directory claims is not believed. Raises: ValidationError."""
    check_zip(data)
    archive, read, total = _opened(data), Read(), 0
    for entry in _entries(archive):
        try:
            with archive.open(entry) as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except _BROKEN:
            read.refuse(entry.filename, "it cannot be unpacked")
            continue
        total += len(content)
        if total > MAX_TOTAL_BYTES:
            raise _refused(f"Its runbooks have more than {MAX_TOTAL_BYTES:,} bytes.")
        read.take(entry.filename, content)
    return read


def _entries(archive: zipfile.ZipFile) -> Sequence[zipfile.ZipInfo]:
    return [entry for entry in archive.infolist() if not entry.is_dir() and is_runbook(entry.filename)]


def _opened(data: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise _refused("It cannot be read as a ZIP.") from error


def _refused(message: str) -> ValidationError:
    return ValidationError("The ZIP is not taken.", errors=[{"field": "body.zip", "message": message}])


def below(prefix: str, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Keys of runbooks below a prefix, each with its path from there."""
    root = prefix[: prefix.rfind("/") + 1]
    for key in keys:
        if is_runbook(key):
            yield key, key.removeprefix(root)
