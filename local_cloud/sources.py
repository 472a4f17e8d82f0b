"""From the hash of a deployed package back to the source folder it was made from."""

import base64
import io
import json
import threading
import zipfile
from pathlib import Path


class Sources:
    """Reads the map that the deploy writes; a package it does not know is unpacked and run from there."""

    def __init__(self, path: Path, *, unpack_dir: Path) -> None:
        self._path = path
        self._unpack_dir = unpack_dir
        self._lock = threading.Lock()
        self._read_at_ns = 0
        self._folders: dict[str, str] = {}

    def folder(self, code_sha256: str, *, code: bytes | str | None = None) -> Path:
        """The folder whose package has this CodeSha256 (base64, as Lambda reports it)."""
        with self._lock:
            self._refresh()
            known = self._folders.get(code_sha256)
        if known is not None and Path(known).is_dir():
            return Path(known)
        return self._unpack(code_sha256, code or b"")

    def all_folders(self) -> list[Path]:
        """Every source folder there is."""
        with self._lock:
            self._refresh()
            return sorted({Path(folder) for folder in self._folders.values()})

    def _refresh(self) -> None:
        try:
            changed_ns = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if changed_ns != self._read_at_ns:
            self._folders = json.loads(self._path.read_text())
            self._read_at_ns = changed_ns

    def _unpack(self, code_sha256: str, code: bytes | str) -> Path:
        target = self._unpack_dir / base64.b64decode(code_sha256).hex()[:16]
        with self._lock:
            if not target.is_dir():
                package = base64.b64decode(code) if isinstance(code, str) else code
                zipfile.ZipFile(io.BytesIO(package)).extractall(target)
        return target
