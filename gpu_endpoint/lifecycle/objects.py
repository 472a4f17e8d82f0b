"""Where the desired state lies: objects with conditional writes, in S3 or, on a bare machine, a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class StoreError(Exception):
    """The store cannot be reached, or does not let us."""


class MissingError(StoreError):
    """There is no such object, or no bucket yet."""


class StaleWriteError(StoreError):
    """Somebody else wrote the object since it was read."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's content, and the revision of it that was read."""

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Listed:
    """An object's key, and how long ago it was written by the store's own clock."""

    key: str
    age_s: float


class Objects(Protocol):
    """Objects under one prefix. Every method raises StoreError."""

    def get(self, key: str) -> Stored | None:
        """None when there is no such object (or no bucket yet)."""
        ...

    def put(self, key: str, body: bytes) -> str:
        """Writes whatever is there; answers the new etag."""
        ...

    def replace(self, key: str, body: bytes, *, etag: str | None) -> str:
        """Writes only over the revision `etag`, or only a new object when it is None.

        Raises: StaleWriteError.
        """
        ...

    def listed(self, prefix: str) -> Iterator[Listed]: ...
    def delete(self, key: str) -> None: ...
    def fetch(self, key: str, target: Path) -> None:
        """Copies a large object into a file. Raises: OSError too, when the file cannot be written."""
        ...

    def send(self, source: Path, key: str) -> None:
        """Copies a file into an object."""
        ...


def open_objects(address: str) -> Objects:
    """`s3://bucket/prefix`, or the path of a folder. Raises: StoreError."""
    if address.startswith("s3://"):
        from gpu_endpoint.lifecycle.s3_objects import S3Objects

        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        return S3Objects(bucket, prefix)
    if "://" in address:
        raise StoreError(f"a model store is s3://bucket/prefix or a folder, not {address}")
    from gpu_endpoint.lifecycle.folder_objects import FolderObjects

    return FolderObjects(Path(address))
