"""docs/endpoint.md: its commands run against a real endpoint, and its tables list what there is."""

import re
from pathlib import Path

import numpy as np
import pytest

from gpu_endpoint import errors
from gpu_endpoint.metrics import Metrics
from sightline.contracts.inference import Call, ModelPin, SheetLayout
from tests.endpoint_process import EndpointProcess, run_commands
from tests.pictures import frame, jpeg, sheet

pytestmark = pytest.mark.docs

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "endpoint.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_every_command_runs_in_the_order_of_the_page(
    inference_endpoint: EndpointProcess, tmp_path: Path
) -> None:
    (tmp_path / "frame.jpg").write_bytes(jpeg(frame(1)))
    body, layout = sheet([frame(seed) for seed in range(3)], columns=3)
    assert (layout.tile_width, layout.tile_height, layout.tiles) == (448, 256, 3)
    (tmp_path / "sheet.jpg").write_bytes(body)
    assert len(BLOCKS) >= 6
    said = run_commands("\n".join(BLOCKS), folder=tmp_path, url=inference_endpoint.url, timeout_s=120)
    assert said.count('"vectors":[[') == 7
    assert "sightline_requests_total" in said
    assert '"label":"region"' in said
    assert '"severity":{"label":' in said
    assert np.load(tmp_path / "vectors.npy").dtype == np.float16


def rows(heading: str) -> list[list[str]]:
    """The cells of the table whose heading starts so."""
    lines = PAGE.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(heading)) + 2
    end = lines.index("", start)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start:end]]


def names(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def test_every_refusal_is_listed_with_its_status() -> None:
    listed = {(int(status), code) for status, codes, _ in rows("| status | code |") for code in names(codes)}
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and kind.__module__ == errors.__name__
    ]
    known = {(kind.status, kind.code) for kind in kinds if issubclass(kind, errors.EndpointError)}
    of_no_task = {(404, "not-found"), (405, "method-not-allowed")}
    assert listed == known - of_no_task


def test_every_attribute_is_listed() -> None:
    listed = {name for cell, _, _ in rows("| name | of | means |") for name in names(cell)}
    known = {"task", *Call.model_fields, *ModelPin.model_fields, *SheetLayout.model_fields}
    assert listed == known


def test_every_metric_is_listed() -> None:
    text = Metrics(list).text().decode()
    known = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    listed = {name for cell, _, _ in rows("| name | of | says |") for name in names(cell)}
    assert {name.removesuffix("_created") for name in known} == listed
