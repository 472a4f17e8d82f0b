"""S3 in the emulator: events that carry the object's version, and ranged reads that read the range only."""

import json
import mmap
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

_version: ContextVar[str | None] = ContextVar("version", default=None)
_ranged: ContextVar[bool] = ContextVar("ranged", default=False)


def install() -> None:
    """Replace what differs from the service."""
    _carry_versions()
    _read_ranges()


def _carry_versions() -> None:
    """Add `version-id` to the events of versioned buckets.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    from ministack.services import eventbridge, s3

    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_with_version(*arguments: Any, version_id: str | None = None, **named: Any) -> None:
        token = _version.set(version_id)
        try:
            fire(*arguments, version_id=version_id, **named)
        finally:
            _version.reset(token)

    def dispatch_with_version(event: dict[str, Any], *rest: Any, **named: Any) -> Any:
        if event.get("Source") == "aws.s3" and (version := _version.get()):
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch(event, *rest, **named)

    s3._fire_s3_event = fire_with_version
    eventbridge._dispatch_event = dispatch_with_version


def _read_ranges() -> None:
    """Honour Range for a named version too, and read no more of the file than was asked for.

    The emulator reads the whole object for every range, and for a named version also answers with all of it.
    """
    from ministack.services import s3

    get, read_body, version_body = s3._get_object, s3._read_body, s3._version_body

    def get_range(
        bucket: str, key: str, headers: Mapping[str, str], query: Mapping[str, Any] | None = None
    ) -> Any:
        if not headers.get("range"):
            return get(bucket, key, headers, query)
        token = _ranged.set(True)
        try:
            answer = get(bucket, key, headers, query)
        finally:
            _ranged.reset(token)
        return _cut(answer, bucket=bucket, key=key, wanted=headers["range"])

    def map_body(bucket: str, key: str, record: dict[str, Any]) -> Any:
        path = s3._object_disk_path(bucket, key) if _ranged.get() and record.get("body") is None else None
        return _mapped(path) or read_body(bucket, key, record)

    def map_version(contents: dict[str, Any], bucket: str, key: str, version: dict[str, Any]) -> Any:
        stored = _ranged.get() and version.get("data") is None
        path = s3._version_disk_path(bucket, key, version["version_id"]) if stored else None
        return _mapped(path) or version_body(contents, bucket, key, version)

    s3._get_object, s3._read_body, s3._version_body = get_range, map_body, map_version


def _mapped(path: str | None) -> mmap.mmap | None:
    """The file as something to slice, without reading it; None when there is nothing in it."""
    if path is None or not Path(path).is_file() or Path(path).stat().st_size == 0:
        return None
    with Path(path).open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _cut(answer: tuple[int, dict[str, str], Any], *, bucket: str, key: str, wanted: str) -> Any:
    """The range of a whole answer; answers that are cut already, or errors, pass."""
    from ministack.services import s3

    status, headers, body = answer
    if status != 200:
        return answer
    span = s3._parse_range(wanted, len(body))
    if span is None:
        refused = {"Content-Type": "application/xml", "Content-Range": f"bytes */{len(body)}"}
        return 416, refused, s3._xml_body(s3._range_error_xml(bucket, key))
    start, end = span
    described = {"Content-Length": str(end + 1 - start), "Content-Range": f"bytes {start}-{end}/{len(body)}"}
    kept = {name: value for name, value in headers.items() if not name.lower().startswith("x-amz-checksum")}
    return 206, {**kept, **described}, body[start : end + 1]
