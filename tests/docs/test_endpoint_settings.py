"""docs/settings.md lists what the inference endpoint reads, and nothing that it does not."""

from pathlib import Path

import pytest

from gpu_endpoint.models.config import CONFIGS
from gpu_endpoint.settings import EndpointSettings

pytestmark = pytest.mark.docs

ROOT = Path(__file__).resolve().parent.parent.parent
HEADING = "| variable | default | what it sets |"


def test_every_endpoint_setting_is_listed_as_it_is() -> None:
    lines = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8").splitlines()
    start = lines.index(HEADING) + 2
    end = lines.index("", start)
    listed = {}
    for line in lines[start:end]:
        name, default, meaning = (cell.strip() for cell in line.strip("|").split("|"))
        listed[name.strip("`")] = (default.strip("`"), meaning)
    assert listed == {
        f"SIGHTLINE_{name.upper()}": (as_written(field.default), field.description)
        for name, field in EndpointSettings.model_fields.items()
    }


def as_written(default: object) -> str:
    """A default as the page writes it."""
    if default == CONFIGS:
        return str(CONFIGS.relative_to(ROOT))
    return "not set" if default is None else str(default)
