"""docs/local-cloud.md lists what the code lists."""

import re
from pathlib import Path

import pytest

from local_cloud.environment import ADDED_VARIABLES
from local_cloud.provisioners import RECORD_ONLY
from local_cloud.seams import PINNED

pytestmark = pytest.mark.unit

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "local-cloud.md").read_text()


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def test_every_added_variable_is_listed_with_its_reason() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", section("What is added to a function"), re.MULTILINE)

    assert dict(rows) == dict(ADDED_VARIABLES)


def test_every_recorded_type_is_listed() -> None:
    listed = re.findall(r"^\| `(AWS::[\w:]+)` \|", section("Recorded, not run"), re.MULTILINE)

    assert sorted(listed) == sorted(RECORD_ONLY)


def test_the_pinned_emulator_is_named() -> None:
    assert f"MiniStack (package `ministack`) {PINNED}" in PAGE
