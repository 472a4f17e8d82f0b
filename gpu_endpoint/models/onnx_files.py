"""ONNX files that are whole: what lies in a file beside them, no hash pins."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

from gpu_endpoint.models.files import ModelFileError

LOCATION = b"location"
"""The key under which a tensor names another file. Source: onnx.proto, TensorProto.external_data."""


def refuse_parts(path: Path) -> Path:
    """The path, if the ONNX file holds all its numbers itself. Raises: ModelFileError."""
    if mentions(path, LOCATION) and uses_other_files(parsed(path)):
        raise ModelFileError(
            f"{path} keeps numbers in other files, and only the file itself is pinned: save it as one, as "
            "onnx.save(onnx.load(path), path) does"
        )
    return path


def mentions(path: Path, word: bytes) -> bool:
    """Whether the bytes are anywhere in the file, which is not read into memory for it."""
    if not path.is_file() or not path.stat().st_size:
        return False  # its reader says what is wrong with it
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(word) >= 0


def parsed(path: Path) -> Any:
    """The file's ModelProto. Raises: ModelFileError."""
    import onnx  # half a second to import, and hardly ever needed
    from google.protobuf.message import DecodeError

    try:
        return onnx.load(path, load_external_data=False)
    except DecodeError as error:
        raise ModelFileError(f"{path} is not an ONNX file") from error


def uses_other_files(message: Any) -> bool:
    """Whether a tensor anywhere in it does: of the graph, of a branch, a function or a constant."""
    from onnx import TensorProto

    if isinstance(message, TensorProto):
        return bool(message.data_location == TensorProto.EXTERNAL)
    return any(
        uses_other_files(part)
        for field, value in message.ListFields()
        if field.message_type
        for part in (value if hasattr(value, "__len__") else [value])
    )
