"""Model files: checked by sha256, and written whole or not at all."""

import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path


class ModelFileError(Exception):
    """A model file is missing, altered, or of a kind we do not load."""


class ModelAnswerError(Exception):
    """A model answered what cannot be an answer: its fault, not the caller's."""


def sha256_of(path: Path) -> str:
    """The file's digest in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked(path: Path, sha256: str) -> Path:
    """The path, once its content is what was pinned. Raises: ModelFileError."""
    if not path.is_file():
        raise ModelFileError(f"{path} is missing")
    found = sha256_of(path)
    if found != sha256:
        raise ModelFileError(f"{path} was altered: sha256 {found}, pinned {sha256}")
    return path


def built_once(path: Path, build: Callable[[Path], None]) -> Path:
    """The path, built into a temporary file beside it first when it is not there yet.

    Two processes may build at once: each writes its own file, and the last rename wins with equal content.
    """
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        build(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path
