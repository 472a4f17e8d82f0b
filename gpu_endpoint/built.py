"""Models that were built before the process began, put where it looks for them without copying them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def link_built(built: Path, home: Path) -> int:
    """Links what an image brought along (read-only) into the state folder (writable); answers how many files.

    What is there already stays: a link of an earlier start, or a model built or fetched since.
    """
    linked = 0
    for file in sorted(path for path in built.rglob("*") if path.is_file()):
        place = home / file.relative_to(built)
        place.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            place.symlink_to(file.resolve())
            linked += 1
    return linked
