"""A seekable file over ranged reads of one object: a decoder fetches what it needs, and no disk is used."""

import io
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FIRST_READ_BYTES = 512 * 1024
MOST_READ_BYTES = 8 * 1024**2
"""Reading on doubles each fetch up to this: round trips become rare, and a seek wastes little."""
KEPT_RANGES = 6
"""At most 48 MiB in memory: the places a demuxer goes back and forth between are few."""


class RangedReader(io.RawIOBase):
    """One version of one object."""

    def __init__(self, client: "S3Client", *, bucket: str, key: str, version_id: str = "") -> None:
        super().__init__()
        self._s3 = client
        self._object: dict[str, Any] = {"Bucket": bucket, "Key": key}
        if version_id:
            self._object["VersionId"] = version_id
        self.size_bytes: int = client.head_object(**self._object)["ContentLength"]
        self._position = 0
        self._ranges: OrderedDict[int, bytes] = OrderedDict()
        self.requests = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size_bytes}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        if self._position >= self.size_bytes or not len(view):
            return 0
        start, block = self._block_at(self._position)
        offset = self._position - start
        piece = block[offset : offset + len(view)]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _block_at(self, position: int) -> tuple[int, bytes]:
        """The kept range around a position, fetched when there is none."""
        for start, block in self._ranges.items():
            if start <= position < start + len(block):
                self._ranges.move_to_end(start)
                return start, block
        block = self._fetch(position, self._read_ahead(position))
        self._ranges[position] = block
        while len(self._ranges) > KEPT_RANGES:
            self._ranges.popitem(last=False)
        return position, block

    def _read_ahead(self, position: int) -> int:
        """Twice what ended here, if something did: then somebody is reading on."""
        before = (len(block) for start, block in self._ranges.items() if start + len(block) == position)
        return min(MOST_READ_BYTES, 2 * max(before, default=FIRST_READ_BYTES // 2))

    def _fetch(self, position: int, length: int) -> bytes:
        last = min(position + length, self.size_bytes) - 1
        self.requests += 1
        answer = self._s3.get_object(**self._object, Range=f"bytes={position}-{last}")
        return answer["Body"].read()
