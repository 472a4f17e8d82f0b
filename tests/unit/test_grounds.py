"""What a process keeps of a workspace's data."""

from itertools import count

import pytest

from sightline.scenarios.grounds import OfVersion

pytestmark = pytest.mark.unit


def test_it_is_read_once_while_the_version_stands() -> None:
    kept: OfVersion[int] = OfVersion(size=2)
    reads = count()
    assert [kept.get("a", version, lambda: next(reads)) for version in (1, 1, 2, 2, 1)] == [0, 0, 1, 1, 2]


def test_keys_are_apart_and_the_longest_unused_goes() -> None:
    kept: OfVersion[str] = OfVersion(size=2)
    asked = []

    def get(key: str) -> str:
        return kept.get(key, 1, lambda: asked.append(key) or key)

    assert [get(key) for key in ("a", "b", "a", "c", "a", "b")] == ["a", "b", "a", "c", "a", "b"]
    assert asked == ["a", "b", "c", "b"]


def test_it_is_read_again_after_a_while() -> None:
    now = [0.0]
    kept: OfVersion[float] = OfVersion(size=1, keep_s=10, clock=lambda: now[0])
    seen = []
    for now[0] in (0.0, 10.0, 10.5, 20.0):
        seen.append(kept.get("a", 1, lambda: now[0]))
    assert seen == [0.0, 0.0, 10.5, 10.5]


def test_what_could_not_be_read_is_not_kept() -> None:
    kept: OfVersion[int] = OfVersion(size=1)
    with pytest.raises(ZeroDivisionError):
        kept.get("a", 1, lambda: 1 // 0)
    assert kept.get("a", 1, lambda: 2) == 2
