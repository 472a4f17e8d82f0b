"""Objects in a folder, for a machine without S3: the same conditional writes, by a lock and a rename."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpu_endpoint.lifecycle.objects import Listed, MissingError, StaleWriteError, Stored, StoreError


class FolderObjects:
    """Implements Objects; one folder may serve several processes of one machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Stored | None:
        """The whole object."""
        try:
            body = (self._folder / key).read_bytes()
        except FileNotFoundError:
            return None
        return Stored(body, etag_of(body))

    def put(self, key: str, body: bytes) -> str:
        """Writes whatever is there."""
        target = self._folder / key
        draft = self._draft(target)
        draft.write_bytes(body)
        draft.replace(target)
        return etag_of(body)

    def replace(self, key: str, body: bytes, *, etag: str | None) -> str:
        """Writes over one revision, or a new object."""
        with self._locked():
            there = self.get(key)
            if (there.etag if there else None) != etag:
                raise StaleWriteError(f"{key} was written by somebody else")
            return self.put(key, body)

    def listed(self, prefix: str) -> Iterator[Listed]:
        """Objects under the prefix, and how old their files are."""
        now = time.time()
        for path in sorted(self._folder.rglob("*")):
            key = path.relative_to(self._folder).as_posix()
            if key.startswith(prefix) and not path.name.startswith(".") and path.is_file():
                yield Listed(key, now - path.stat().st_mtime)

    def delete(self, key: str) -> None:
        """Removes an object, if it is there."""
        (self._folder / key).unlink(missing_ok=True)

    def fetch(self, key: str, target: Path) -> None:
        """Copies it."""
        source = self._folder / key
        if not source.is_file():
            raise MissingError(f"there is no {key}")
        shutil.copyfile(source, target)

    def send(self, source: Path, key: str) -> None:
        """Copies the file beside its place, then moves it there."""
        target = self._folder / key
        draft = self._draft(target)
        shutil.copyfile(source, draft)
        draft.replace(target)

    def _draft(self, target: Path) -> Path:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be written") from error
        return target.with_name(f".{target.name}.{uuid.uuid4().hex}")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def etag_of(body: bytes) -> str:
    """As S3 does it: quoted, by content."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'
