"""Why an asset fails, in words for its owner: the codes, and how an error of the pipeline becomes one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sightline.errors import SightlineError, UnreadableMediaError, every_error

# code -> what it means; docs/media.md lists each.
FAILURE_CODES = {
    "empty-file": "The file has no bytes.",
    "not-a-video": "The file is not a video in a format we know.",
    "type-mismatch": "The file is not what its content type says.",
    "size-mismatch": "The file that arrived has another size than was declared.",
    "truncated-file": "The file ends before its video does.",
    "corrupt-media": "Too much of the video is damaged.",
    "no-video-stream": "The file has no picture track.",
    "unsupported-codec": "There is no decoder for its codec.",
    "too-large-picture": "Its picture has more pixels than we decode.",
    "too-many-frames": "It has more frames at this interval than one video may have.",
    "no-frames": "No frame of it could be decoded.",
    "source-missing": "The uploaded object is gone.",
    "endpoint-unavailable": "The inference endpoint did not answer for too long.",
    "gave-up": "Indexing was started again and again and did not end.",
    "internal-error": "Something failed on our side; try again with reprocess.",
}
MAX_REASON_CHARS = 500


@dataclass(frozen=True, slots=True)
class Failure:
    """A code for programs and a reason for people."""

    code: str
    reason: str


def unreadable(code: str, reason: str = "") -> UnreadableMediaError:
    """A refusal whose code survives the state machine, which keeps only a class name and a message."""
    return UnreadableMediaError(f"{code}: {reason or FAILURE_CODES[code]}")


def failure_of(error: Mapping[str, Any]) -> Failure:
    """What a caught {"Error", "Cause"} means to the asset's owner; an unknown one hides our insides."""
    name, message = _root(str(error.get("Error") or ""), str(error.get("Cause") or ""))
    if name == UnreadableMediaError.__name__:
        return _refused(message)
    known = _known(name)
    if known is None or known.status == 500:
        return Failure("internal-error", FAILURE_CODES["internal-error"])
    return Failure(known.slug, FAILURE_CODES.get(known.slug) or f"{known.title}.")


def _refused(message: str) -> Failure:
    code, _, reason = message.partition(": ")
    if code in FAILURE_CODES and reason:
        return Failure(code, reason[:MAX_REASON_CHARS])
    return Failure(UnreadableMediaError.slug, message[:MAX_REASON_CHARS] or UnreadableMediaError.title)


def _known(name: str) -> type[SightlineError] | None:
    return next((error for error in every_error() if error.__name__ == name), None)


def _root(name: str, cause: str) -> tuple[str, str]:
    """The innermost error: a failed child's cause is its description, a failed function's is its own JSON."""
    try:
        told = json.loads(cause)
    except ValueError:
        return name, cause
    if not isinstance(told, dict):
        return name, cause
    if "errorMessage" in told:
        return str(told.get("errorType") or name).rpartition(".")[2], str(told["errorMessage"])
    if "Error" in told:
        return _root(str(told["Error"]), str(told.get("Cause") or ""))
    return name, cause
