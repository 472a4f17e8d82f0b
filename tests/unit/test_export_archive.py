"""Archives: what we write, Python's own zipfile reads; parts put together are the archive."""

import io
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.scenarios.exports.archive import Entry, crc_of, directory, local_header
from sightline.scenarios.exports.archiving import Archiver
from sightline.scenarios.exports.rules import MIB, PART_BYTES

pytestmark = pytest.mark.unit
MADE_AT = datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)
NAMES = st.text(
    st.characters(exclude_characters="\0\\/:", exclude_categories=["Cs"]), min_size=1, max_size=40
)


@given(st.dictionaries(NAMES, st.binary(max_size=200), max_size=20))
def test_any_files_come_back(files: dict[str, bytes]) -> None:
    written, entries = io.BytesIO(), []
    for name, data in files.items():
        entry = Entry(name, written.tell(), len(data), crc_of(data))
        written.write(local_header(entry, MADE_AT) + data)
        assert entry.end == written.tell()
        entries.append(entry)
    written.write(b"".join(directory(entries, begins_at=written.tell(), made_at=MADE_AT)))
    with zipfile.ZipFile(written) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_more_files_than_16_bits_count() -> None:
    written, entries = io.BytesIO(), []
    for number in range(65_600):
        entry = Entry(str(number), written.tell(), 1, crc_of(b"x"))
        written.write(local_header(entry, MADE_AT) + b"x")
        entries.append(entry)
    written.write(b"".join(directory(entries, begins_at=written.tell(), made_at=MADE_AT)))
    with zipfile.ZipFile(written) as archive:
        assert len(archive.namelist()) == 65_600
        assert archive.read("65599") == b"x"
        assert archive.infolist()[0].date_time == (2026, 1, 2, 3, 4, 6)


def test_files_behind_four_gigabytes_are_found(tmp_path: Path) -> None:
    """A sparse file: what lies between is a hole."""
    with (tmp_path / "large.zip").open("wb") as written:
        first = Entry("first", 0, 3, crc_of(b"one"))
        written.write(local_header(first, MADE_AT) + b"one")
        written.seek(5 * 1024**3)
        second = Entry("second", written.tell(), 3, crc_of(b"two"))
        written.write(local_header(second, MADE_AT) + b"two")
        for record in directory([first, second], begins_at=written.tell(), made_at=MADE_AT):
            written.write(record)
    with zipfile.ZipFile(tmp_path / "large.zip") as archive:
        assert [archive.read(name) for name in ("first", "second")] == [b"one", b"two"]


class Parts:
    """A multipart upload in memory."""

    def __init__(self) -> None:
        self.parts: dict[int, bytes] = {}

    def put_part(self, _key: str, *, upload_id: str, part_number: int, data: bytes) -> str:
        assert upload_id == "u"
        self.parts[part_number] = data
        return f"etag-{part_number}"


def test_parts_are_the_archive_and_another_process_goes_on() -> None:
    store = Parts()
    first = Archiver(store, "key", "u", made_at=MADE_AT, end=0, next_part=1)  # type: ignore[arg-type]
    data = bytes(range(256)) * 20_000  # 5 MB
    stored = [first.add_bytes(f"{number}.bin", data) for number in range(3)]
    assert list(store.parts) == [1]
    assert [(number, etag) for number, etag, _ in first.sent] == [(1, "etag-1")]
    second = Archiver(  # what a checkpoint keeps, and nothing else
        store,  # type: ignore[arg-type]
        "key",
        "u",
        made_at=MADE_AT,
        end=first.end,
        next_part=first.next_part,
        gathered=bytearray(first.gathered),
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "clip"
        file.write_bytes(bytes(14 * MIB))
        stored.append(second.add_file("clip.mp4", file))
    entries = [one.entry for one in stored]
    second.add_raw(directory(entries, begins_at=second.end, made_at=MADE_AT))
    second.send()
    *full, _last = (len(store.parts[number]) for number in sorted(store.parts))
    assert all(PART_BYTES <= size < PART_BYTES + 8 * MIB for size in full)
    with zipfile.ZipFile(io.BytesIO(b"".join(store.parts[n] for n in sorted(store.parts)))) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 4
