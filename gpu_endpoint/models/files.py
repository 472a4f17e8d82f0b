"""Model files: checked by sha256, never a pickle, and written whole or not at all."""

import errno
import hashlib
import json
import uuid
from collections.abc import Callable
from pathlib import Path

SAFETENSORS = ".safetensors"
MAX_HEADER_BYTES = 100_000_000  # of a safetensors file. Source: the library's own limit


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


def refuse_pickle(path: Path) -> Path:
    """The path, if it is a whole safetensors file and called one: an 8-byte length, a JSON header, numbers.

    Raises: ModelFileError.
    """
    if not path.is_file():
        raise ModelFileError(f"{path} is missing")
    with path.open("rb") as file:
        start = file.read(9)
        length = int.from_bytes(start[:8], "little")
        header = start[8:] + file.read(length - 1) if start[8:] == b"{" and length < MAX_HEADER_BYTES else b""
    if not header and (start[:2] == b"PK" or start[:1] == b"\x80"):
        raise ModelFileError(
            f"{path} is a pickle, and loading a pickle runs whatever code it carries: convert it with "
            "safetensors.torch.save_file on a machine that may be lost"
        )
    ends = 8 + length
    try:
        if not header or len(header) == length:
            ends += end_of_tensors(json.loads(header))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ModelFileError(f"{path} is not a safetensors file") from error
    if (size := path.stat().st_size) < ends:
        raise ModelFileError(f"{path} is cut short: it has {size:,} bytes of {ends:,}")
    if size > ends:
        raise ModelFileError(f"{path} is damaged: it has {size:,} bytes, and its header tells of {ends:,}")
    if path.suffix != SAFETENSORS:  # by which open_clip knows what is no pickle
        raise ModelFileError(f"{path} holds safetensors by another name: call it {path.stem}{SAFETENSORS}")
    return path


def end_of_tensors(header: dict[str, dict[str, list[int]]]) -> int:
    """Bytes after the header, by what it says of each tensor."""
    return max((one["data_offsets"][1] for name, one in header.items() if name != "__metadata__"), default=0)


def disk_reason(error: OSError) -> str:
    """Why a model's file could not be written, in words."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return "no space is left for the model's files" if full else f"{error.strerror or error}"


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
