"""Writes an archive into a multipart upload, part by part, from where it was left."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sightline.ports.objects import Blobs
from sightline.scenarios.exports.archive import Entry, crc_of, local_header
from sightline.scenarios.exports.rules import PART_BYTES

CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Stored:
    """One file that is in the archive now."""

    entry: Entry
    sha256: str


@dataclass(slots=True)
class Archiver:
    """Bytes gather here until they are a part; nothing counts until the database says so."""

    blobs: Blobs
    key: str
    upload_id: str
    made_at: datetime
    end: int
    """Where the next byte goes."""
    next_part: int
    gathered: bytearray = field(default_factory=bytearray)
    sent: list[tuple[int, str, int]] = field(default_factory=list)
    """Parts sent since the last checkpoint: number, ETag, bytes."""

    def add_bytes(self, path: str, data: bytes) -> Stored:
        """A file that is in memory."""
        entry = Entry(path, self.end, len(data), crc_of(data))
        self._write([local_header(entry, self.made_at), data])
        return Stored(entry, hashlib.sha256(data).hexdigest())

    def add_file(self, path: str, file: Path) -> Stored:
        """A file on disk, read twice and never held whole."""
        digest, crc, size = hashlib.sha256(), 0, 0
        for piece in _pieces(file):
            digest.update(piece)
            crc, size = crc_of(piece, crc), size + len(piece)
        entry = Entry(path, self.end, size, crc)
        self._write([local_header(entry, self.made_at)])
        self._write(_pieces(file))
        return Stored(entry, digest.hexdigest())

    def add_raw(self, pieces: Iterable[bytes]) -> None:
        """Bytes that are no file: the directory at the end."""
        self._write(pieces)

    def _write(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self.gathered += piece
            self.end += len(piece)
            if len(self.gathered) >= PART_BYTES:
                self.send()

    def send(self) -> None:
        """Sends what has gathered as one part."""
        number = self.next_part
        size = len(self.gathered)
        etag = self.blobs.put_part(
            self.key, upload_id=self.upload_id, part_number=number, data=bytes(self.gathered)
        )
        self.sent.append((number, etag, size))
        self.next_part, self.gathered = number + 1, bytearray()


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(CHUNK_BYTES):
            yield piece
