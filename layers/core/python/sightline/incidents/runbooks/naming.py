"""Names such as KubePodCrashLooping, and the words that they are made of."""

import re
from pathlib import PurePosixPath

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[a-z]{3})(?=\d)|[_\-/.]+")
_COMPOUND = re.compile(r"\b[A-Za-z]+[a-z0-9][A-Z][A-Za-z0-9]*\b")


def spaced(name: str) -> str:
    """KubePodCrashLooping as the words it is made of; what is no such name stays as it is."""
    return " ".join(part for part in _CAMEL.split(name) if part)


def apart(text: str) -> str:
    """The names in a text, such as KubePodCrashLooping, taken apart."""
    return " ".join(dict.fromkeys(map(spaced, _COMPOUND.findall(text))))


def names_of(path: str, text: str) -> str:
    """A file's folder and the names in its text: what it is found by beside its words."""
    return f"{spaced(str(PurePosixPath(path).parent))} {apart(text)}".strip(" .")


def titles_of(path: str, title: str) -> str:
    """A file's title and name, whole and taken apart."""
    return " ".join(dict.fromkeys([title, spaced(title), spaced(PurePosixPath(path).stem)]))
