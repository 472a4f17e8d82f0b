"""Objects in a folder, for a machine without S3: the same conditional writes, by a lock and a rename."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gpu_endpoint.lifecycle.objects import Listed, MissingError, StaleWriteError, Stored, StoreError
from gpu_endpoint.models.files import disk_reason


class FolderObjects:
    """Implements Objects; one folder may serve several processes of one machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Stored | None:
        """The whole object."""
        try:
            with self._translated("read"):
                body = (self._folder / key).read_bytes()
        except MissingError:
            return None
        return Stored(body, etag_of(body))

    def put(self, key: str, body: bytes) -> str:
        """Writes whatever is there."""
        with self._draft(key) as draft:
            draft.write_bytes(body)
        return etag_of(body)

    def replace(self, key: str, body: bytes, *, etag: str | None) -> str:
        """Writes over one revision, or a new object."""
        with self._translated("written"), self._locked():
            there = self.get(key)
            if (there.etag if there else None) != etag:
                raise StaleWriteError(f"{key} was written by somebody else")
            return self.put(key, body)

    def listed(self, prefix: str) -> Iterator[Listed]:
        """Objects under the prefix, and how old their files are."""
        now = time.time()
        for path in sorted(self._folder.rglob("*")):
            key = path.relative_to(self._folder).as_posix()
            with suppress(FileNotFoundError):  # somebody deleted it meanwhile
                if key.startswith(prefix) and not path.name.startswith(".") and path.is_file():
                    yield Listed(key, now - path.stat().st_mtime)

    def delete(self, key: str) -> None:
        """Removes an object, if it is there."""
        with suppress(MissingError), self._translated("written"):
            (self._folder / key).unlink()

    def fetch(self, key: str, target: Path) -> None:
        """Copies it."""
        source = self._folder / key
        if not source.is_file():
            raise MissingError(f"there is no {key}")
        shutil.copyfile(source, target)

    def send(self, source: Path, key: str) -> None:
        """Copies the file beside its place, then moves it there."""
        with self._draft(key) as draft:
            shutil.copyfile(source, draft)

    @contextmanager
    def _draft(self, key: str) -> Iterator[Path]:
        """A file that takes the object's place once it is whole, or goes."""
        target = self._folder / key
        draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        with self._translated("written"):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                yield draft
                draft.replace(target)
            except BaseException:
                draft.unlink(missing_ok=True)
                raise

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _translated(self, done: str) -> Iterator[None]:
        """The disk's failures as ours."""
        try:
            yield
        except FileNotFoundError as error:
            raise MissingError(f"there is no {error.filename}") from error
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be {done}: {disk_reason(error)}") from error


def etag_of(body: bytes) -> str:
    """As S3 does it: quoted, by content."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'
