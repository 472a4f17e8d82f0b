"""docs/problems.md and docs/settings.md list what there is, and nothing that is not."""

import re
from pathlib import Path

import pytest

from sightline.errors import problem_table
from sightline.settings import Settings

pytestmark = pytest.mark.docs

ROOT = Path(__file__).resolve().parent.parent.parent


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the table that begins with a heading row."""
    lines = (ROOT / "docs" / page).read_text().splitlines()
    start = lines.index(heading) + 2
    end = next((at for at in range(start, len(lines)) if not lines[at].startswith("|")), len(lines))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:end]]


def test_every_problem_is_listed_as_it_is() -> None:
    listed = {
        cells[0].strip("`"): cells[1:]
        for cells in rows("problems.md", "| code | status | retryable | what happened | what to do |")
    }
    assert listed == {
        slug: [str(error.status), "yes" if error.retryable else "no", error.title, error.__doc__]
        for slug, error in problem_table().items()
    }


def test_every_setting_is_listed_as_it_is() -> None:
    listed = {
        cells[0].strip("`"): (cells[1].strip("`"), cells[2])
        for cells in rows("settings.md", "| variable | default | meaning |")
    }
    assert listed == {
        f"SIGHTLINE_{name.upper()}": (
            "not set" if field.default in (None, "") else str(field.default),
            field.description,
        )
        for name, field in Settings.model_fields.items()
    }


def test_every_setting_is_read_somewhere() -> None:
    package = ROOT / "layers" / "core" / "python" / "sightline"
    code = "\n".join(path.read_text() for path in package.rglob("*.py") if path.name != "settings.py")
    for name in Settings.model_fields:
        assert re.search(rf"\.{name}\b", code), f"nobody reads {name}"


def test_variables_around_the_functions_are_read_where_the_page_says() -> None:
    folders = {"local cloud": "local_cloud", "client": "client", "tests": "tests"}
    for name, readers, _ in rows("settings.md", "| variable | read by | meaning |"):
        for reader in readers.split(", "):
            code = [path.read_text() for path in (ROOT / folders[reader]).rglob("*.py")]
            assert any(name.strip("`") in text for text in code), (name, reader)
