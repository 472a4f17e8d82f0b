"""ZIP files whose every byte is planned: entries are stored, so that another process can go on with one.

Python's zipfile keeps what it has written in memory until the end, and cannot go on where another process
stopped; here each entry's place is a row of the database.
Source: APPNOTE.TXT 6.3.10, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

_LOCAL, _CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
_END64, _LOCATOR64, _END = b"PK\x06\x06", b"PK\x06\x07", b"PK\x05\x06"
VERSION = 45
"""4.5: the first with ZIP64."""
MADE_BY = (3 << 8) | VERSION
"""Unix, so that the permissions below count."""
UTF8_NAMES = 1 << 11
STORED = 0
FILE_MODE = 0o100644 << 16
MOST32, MOST16 = 0xFFFFFFFF, 0xFFFF


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the archive, and where it lies."""

    path: str
    offset: int
    size_bytes: int
    crc32: int

    @property
    def end(self) -> int:
        """Where the next entry begins."""
        return self.offset + len(_local_header(self, 0, 0)) + self.size_bytes


def crc_of(data: bytes, before: int = 0) -> int:
    """The checksum that ZIP keeps, piece by piece."""
    return zlib.crc32(data, before)


def local_header(entry: Entry, made_at: datetime) -> bytes:
    """What stands before the entry's bytes."""
    return _local_header(entry, *_dos_time(made_at))


def _local_header(entry: Entry, time: int, date: int) -> bytes:
    name = entry.path.encode()
    large = entry.size_bytes >= MOST32
    extra = struct.pack("<HHQQ", 1, 16, entry.size_bytes, entry.size_bytes) if large else b""
    size = MOST32 if large else entry.size_bytes
    fields = (VERSION, UTF8_NAMES, STORED, time, date, entry.crc32, size, size, len(name), len(extra))
    return _LOCAL + struct.pack("<HHHHHIIIHH", *fields) + name + extra


def directory(entries: Iterable[Entry], *, begins_at: int, made_at: datetime) -> Iterator[bytes]:
    """The central directory and the end of the archive."""
    count, size = 0, 0
    for entry in entries:
        record = _central_header(entry, *_dos_time(made_at))
        count, size = count + 1, size + len(record)
        yield record
    yield _end(count=count, size=size, begins_at=begins_at)


def _central_header(entry: Entry, time: int, date: int) -> bytes:
    name = entry.path.encode()
    large = [value for value in (entry.size_bytes, entry.size_bytes, entry.offset) if value >= MOST32]
    extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    size, offset = min(entry.size_bytes, MOST32), min(entry.offset, MOST32)
    fields = (MADE_BY, VERSION, UTF8_NAMES, STORED, time, date, entry.crc32, size, size)
    tail = (len(name), len(extra), 0, 0, 0, FILE_MODE, offset)
    return _CENTRAL + struct.pack("<HHHHHHIII", *fields) + struct.pack("<HHHHHII", *tail) + name + extra


def _end(*, count: int, size: int, begins_at: int) -> bytes:
    ends_at = begins_at + size
    end64 = _END64 + struct.pack("<QHHIIQQQQ", 44, MADE_BY, VERSION, 0, 0, count, count, size, begins_at)
    locator = _LOCATOR64 + struct.pack("<IQI", 0, ends_at, 1)
    few = min(count, MOST16)
    end = _END + struct.pack("<HHHHIIH", 0, 0, few, few, min(size, MOST32), min(begins_at, MOST32), 0)
    needs64 = count >= MOST16 or size >= MOST32 or begins_at >= MOST32
    return end64 + locator + end if needs64 else end


def _dos_time(moment: datetime) -> tuple[int, int]:
    """MS-DOS time and date: two-second steps, from 1980 on."""
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    return time, max(0, moment.year - 1980) << 9 | moment.month << 5 | moment.day
