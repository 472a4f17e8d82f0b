"""What names in alerts are made of: the lists of words.txt."""

from __future__ import annotations

from pathlib import Path


def read_lists(path: Path) -> dict[str, list[str]]:
    """Each section of the file as a list: of words, or of whole lines where its head says `lines`."""
    lists: dict[str, list[str]] = {}
    name, whole = "", False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            name, _, kind = line.strip("[]").partition(" ")
            whole = kind == "lines"
            lists[name] = []
        elif line.strip() and not line.startswith("#"):
            lists[name] += [line] if whole else line.split()
    return lists


LISTS = read_lists(Path(__file__).with_name("words.txt"))
