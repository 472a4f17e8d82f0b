"""One log file per function, `logs/<function>.log`."""

import threading
from pathlib import Path
from typing import TextIO

ROTATE_BYTES = 10 * 2**20


class FunctionLogs:
    """Appends lines from any thread; a file past 10 MB is set aside as `<function>.log.1` when opened."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._files: dict[str, TextIO] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, label: str, text: str) -> None:
        """Append whole lines."""
        with self._lock:
            file = self._files.get(label) or self._open(label)
            file.write(text)
            file.flush()

    def close(self) -> None:
        """Close every file; a later write opens its file again."""
        with self._lock:
            for file in self._files.values():
                file.close()
            self._files.clear()

    def _open(self, label: str) -> TextIO:
        path = self._folder / f"{label}.log"
        if path.exists() and path.stat().st_size > ROTATE_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
        self._files[label] = path.open("a", encoding="utf-8")
        return self._files[label]
