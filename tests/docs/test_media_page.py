"""docs/media.md names every state, failure and container there is."""

from pathlib import Path
from typing import get_args

import pytest

from sightline.media.failures import FAILURE_CODES
from sightline.media.schemas import Stage, Status

pytestmark = pytest.mark.docs
PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "media.md").read_text()


@pytest.mark.parametrize("word", [*FAILURE_CODES, *get_args(Status), *get_args(Stage)])
def test_the_page_names_it(word: str) -> None:
    assert f"`{word}`" in PAGE
