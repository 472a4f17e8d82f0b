"""Hot reload: an edited source file retires the workers that run it, so that the next call sees the edit."""

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from watchfiles import Change, DefaultFilter, watch

from local_cloud.executor import Executor
from local_cloud.sources import Sources

log = logging.getLogger(__name__)


class _Code(DefaultFilter):
    """Python, SQL and JSON files; editors' and Python's own litter is left out by the base class."""

    def __call__(self, change: Change, path: str) -> bool:
        return path.endswith((".py", ".sql", ".json")) and super().__call__(change, path)


def watch_sources(
    executor: Executor, shared_code: Sequence[Path], sources: Sources, stop: threading.Event
) -> None:
    """Watch the shared package and every function's folder until told to stop."""
    while not stop.is_set():
        watched = _watched(shared_code, sources)
        for changes in watch(
            *watched,
            watch_filter=_Code(),
            stop_event=stop,
            debounce=200,
            rust_timeout=1000,
            yield_on_timeout=True,
        ):
            changed = [Path(path) for _, path in changes]
            if changed and (labels := executor.reload(changed)):
                log.warning("reloaded %s: %s changed", ", ".join(labels), changed[0].name)
            if _watched(shared_code, sources) != watched:  # a deploy brought new folders
                break


def _watched(shared_code: Sequence[Path], sources: Sources) -> set[Path]:
    return {*shared_code, *(folder.parent for folder in sources.all_folders())}
