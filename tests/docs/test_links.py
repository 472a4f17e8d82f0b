"""Links between pages lead somewhere, and sample events are events."""

import json
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.docs
ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("*.md", "docs/**/*.md", "events/*.md", "gpu_endpoint/**/*.md")
PAGES = sorted(page for folder in FOLDERS for page in ROOT.glob(folder))
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
EVENTS = sorted(ROOT.glob("events/*/*.json"))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(other), f"{page.name} links to {target}"


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event.parent.name}/{event.stem}")
def test_every_sample_event_is_json_for_a_function_that_exists(event: Path) -> None:
    assert isinstance(json.loads(event.read_text()), dict)
    assert (ROOT / "functions" / event.parent.name / "handler.py").exists()


def test_every_function_has_a_sample_event() -> None:
    functions = {handler.parent.name for handler in ROOT.glob("functions/*/handler.py")}
    assert functions - {event.parent.name for event in EVENTS} == set()
