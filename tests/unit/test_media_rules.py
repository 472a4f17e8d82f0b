"""What holds for assets, without a database."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.errors import PayloadTooLargeError, UnsupportedMediaTypeError, ValidationError
from sightline.media import rules
from sightline.settings import GIB

pytestmark = pytest.mark.unit

MIB = 1024**2
ID = UUID(int=1)


def test_a_name_never_enters_a_key() -> None:
    workspace, asset = uuid4(), uuid4()
    key = rules.source_key(workspace, asset)
    assert rules.asset_of_key(key) == (workspace, asset)
    assert rules.sheet_key(workspace, asset, 2, 16) == f"sheets/{workspace}/{asset}/2/00016.jpg"


@pytest.mark.parametrize(
    "key",
    ["", "uploads/a/b/source", "sheets/x", f"uploads/{ID}/{ID}/other", f"uploads/{ID}/source"],
)
def test_other_keys_are_nobodys(key: str) -> None:
    assert rules.asset_of_key(key) is None


def test_an_execution_is_named_by_asset_version_and_run() -> None:
    asset = UUID(int=7)
    name = rules.execution_name(asset, "v1", 1)
    assert name == rules.execution_name(asset, "v1", 1)
    assert len({name, rules.execution_name(asset, "v2", 1), rules.execution_name(asset, "v1", 2)}) == 3
    # Step Functions takes at most 80 characters.
    assert len(rules.execution_name(asset, "v" * 1000, 10**9)) <= 80


@settings(deadline=None)
@given(st.integers(1, 50 * GIB))
def test_parts_cover_every_size_exactly(size_bytes: int) -> None:
    part_size = rules.part_size(size_bytes)
    count = rules.part_count(size_bytes, part_size)
    lengths = {
        number: rules.part_bytes(number, size_bytes=size_bytes, part_size_bytes=part_size)
        for number in {1, count}
    }
    assert count <= rules.MAX_PARTS
    # S3: every part but the last has at least 5 MiB.
    assert part_size >= 5 * MIB
    assert (count - 1) * part_size + lengths[count] == size_bytes
    assert 1 <= lengths[count] <= part_size


@pytest.mark.parametrize("number", [0, 14])
def test_there_are_no_other_parts(number: int) -> None:
    with pytest.raises(ValidationError):
        rules.part_bytes(number, size_bytes=200 * MIB, part_size_bytes=16 * MIB)


def test_content_types_are_read_without_case_and_parameters() -> None:
    assert rules.checked_content_type("Video/MP4; codecs=avc1") == "video/mp4"
    with pytest.raises(UnsupportedMediaTypeError):
        rules.checked_content_type("text/html")


def test_a_size_above_the_limit_is_refused() -> None:
    rules.check_size(10, max_bytes=10)
    with pytest.raises(PayloadTooLargeError):
        rules.check_size(11, max_bytes=10)


def deep(levels: int) -> dict[str, object]:
    value: dict[str, object] = {}
    for _ in range(levels - 1):
        value = {"x": value}
    return value


@pytest.mark.parametrize(
    "metadata",
    [
        {"x": "a" * 17_000},
        {"x": float("nan")},
        {"x": float("inf")},
        {"x": "\0"},
        {"\0": 1},
        {"x": "\ud800"},
        deep(9),
        deep(5000),
    ],
    ids=["large", "nan", "infinite", "nul", "nul in key", "lone surrogate", "deep", "very deep"],
)
def test_metadata_that_cannot_be_kept_is_refused(metadata: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        rules.check_metadata(metadata)
    assert refused.value.errors[0]["field"] == "body.metadata"


def test_metadata_may_be_any_bounded_json() -> None:
    rules.check_metadata(
        {"camera": "vorn 🚗", "n": [1, 2.5, None, True, {"x": {}}], "": "", "\\u0000": "\\u0000"}
    )
    rules.check_metadata(deep(8))


@pytest.mark.parametrize(
    ("status", "done", "total", "fraction"),
    [
        ("awaiting_upload", 0, None, 0.0),
        ("processing", 0, None, 0.0),
        ("processing", 30, 60, 0.5),
        ("processing", 60, 60, 0.99),
        ("processing", 61, 60, 0.99),
        ("ready", 58, 60, 1.0),
        ("failed", 30, 60, 0.5),
    ],
)
def test_only_ready_is_whole(status: str, done: int, total: int | None, fraction: float) -> None:
    assert rules.fraction_done(status=status, done=done, total=total) == fraction
