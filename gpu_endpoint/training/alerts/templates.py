"""The templates: sentences that say what is wrong, and what each vendor writes around them."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from gpu_endpoint.training.alerts.wording import wordings

FOLDER = Path(__file__).with_name("templates")
CORES = ("cores.txt", "more_cores.txt", "wide_cores.txt", "later_cores.txt", "varied_cores.txt")
IMPACTS = ("impacts.txt", "later_impacts.txt", "varied_impacts.txt")
HELD_OUT_VENDORS = ("newrelic", "opsgenie")
VALIDATION_SHARE = 8  # one template in eight of those not held out

SEVERITIES = ("critical", "high", "medium", "low", "info")
CATEGORIES = (
    "availability",
    "latency",
    "errors",
    "capacity",
    "network",
    "database",
    "queue",
    "security",
    "deployment",
    "data",
    "cost",
    "other",
)
SEVERITY_LETTERS = {name[0]: name for name in SEVERITIES}

Split = Literal["train", "validation", "test", "fresh", "third", "fourth", "vendor"]
APART: tuple[Split, ...] = ("fresh", "third", "fourth")
"""Held-out sets in folders of their own, in the order in which they were written."""
SLOT = re.compile(r"\{([a-z0-9_A-Z]+)(?::([a-zA-Z]+))?\}")


@dataclass(frozen=True)
class Template:
    """One line of a file. severity: None where the words alone imply none; category: None for a frame."""

    source: str
    category: str | None
    severity: str | None
    text: str
    split: Split

    def has(self, slot: str) -> bool:
        """Whether the text has this slot."""
        return any(found.group(1) == slot for found in SLOT.finditer(self.text))

    @cached_property
    def wordings(self) -> list[str]:
        """With every combination of its choices."""
        return wordings(self.text)

    @property
    def skeletons(self) -> set[tuple[str, ...]]:
        """Of each wording its own words in order, without slots, case and punctuation."""
        return {skeleton(text) for text in self.wordings}


def skeleton(text: str) -> tuple[str, ...]:
    """The words of a template that are its own."""
    return tuple(re.findall(r"[a-z0-9]+", SLOT.sub(" ", text.replace("\\n", " ")).lower()))


@dataclass
class Library:
    """All templates of some splits."""

    cores: dict[str, list[Template]] = field(default_factory=dict)
    own: dict[str, list[Template]] = field(default_factory=dict)
    frames: dict[str, list[Template]] = field(default_factory=dict)
    impacts: dict[str, list[Template]] = field(default_factory=dict)
    contexts: dict[str, list[Template]] = field(default_factory=dict)

    def everything(self) -> list[Template]:
        """Every template."""
        return [
            one
            for part in (self.cores, self.own, self.frames, self.impacts, self.contexts)
            for many in part.values()
            for one in many
        ]


def split_of(line: str, vendor: str) -> Split:
    """To which split a line belongs: marked, of a vendor kept out, or by its own checksum."""
    if vendor in HELD_OUT_VENDORS:
        return "vendor"
    if line.startswith("!"):
        return "test"
    return "validation" if zlib.crc32(line.encode()) % VALIDATION_SHARE == 0 else "train"


def _lines(path: Path) -> list[tuple[str, str]]:
    """(section, line) of a template file."""
    section, lines = "", []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]") and " " not in line and "{" not in line:
            section = line[1:-1]
        elif line.strip() and not line.startswith("#"):
            lines.append((section, line))
    return lines


def read_library(split: Split) -> Library:
    """The templates of one split."""
    if split in APART:
        return read_apart(split)
    library = Library()
    for path in (FOLDER / name for name in CORES):
        for category, line in _lines(path):
            letter, text = line.lstrip("! ").split(" ", 1)
            _add(
                library.cores,
                category,
                Template("core", category, SEVERITY_LETTERS.get(letter), text, split_of(line, "")),
                split,
            )
    for severity, line in (one for name in IMPACTS for one in _lines(FOLDER / name)):
        _add(
            library.impacts,
            severity,
            Template("impact", None, severity, line.lstrip("! "), split_of(line, "")),
            split,
        )
    for name, line in _lines(FOLDER / "contexts.txt"):
        _add(library.contexts, name, Template(name, None, None, line.lstrip("! "), split_of(line, "")), split)
    for path in sorted((FOLDER / "vendors").glob("*.txt")):
        _read_vendor(library, path, split)
    return library


def read_apart(split: Split) -> Library:
    """A held-out set: all of a folder of its own."""
    library, folder = Library(), FOLDER / split
    for category, line in _lines(folder / "cores.txt"):
        _keep(library.cores, category, _of("core", category, line, split))
    for severity, line in _lines(folder / "impacts.txt"):
        _keep(library.impacts, severity, Template("impact", None, severity, line, split))
    for name, line in _lines(folder / "contexts.txt"):
        _keep(library.contexts, name, Template(name, None, None, line, split))
    for _, line in _lines(folder / "frames.txt"):
        _keep(library.frames, split, _of(split, None, line, split))
    return library


def _of(source: str, category: str | None, line: str, split: Split) -> Template:
    letter, text = line.split(" ", 1)
    return Template(source, category, SEVERITY_LETTERS.get(letter), text, split)


def _keep(part: dict[str, list[Template]], key: str, template: Template) -> None:
    part.setdefault(key, []).append(template)


def _read_vendor(library: Library, path: Path, split: Split) -> None:
    vendor = path.stem
    for section, line in _lines(path):
        text = line.removeprefix("!").strip()
        if section == "frames":
            letter, text = text.split(" ", 1)
            _add(
                library.frames,
                vendor,
                Template(vendor, None, SEVERITY_LETTERS.get(letter), text, split_of(line, vendor)),
                split,
            )
        else:
            category, letter, text = text.split(" ", 2)
            _add(
                library.own,
                category,
                Template(vendor, category, SEVERITY_LETTERS.get(letter), text, split_of(line, vendor)),
                split,
            )


def _add(part: dict[str, list[Template]], key: str, template: Template, split: Split) -> None:
    if template.split == split:
        _keep(part, key, template)
