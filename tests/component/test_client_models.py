"""`sightline models pull` without torch: one line says what to do, and nothing is left behind."""

from __future__ import annotations

import json
import pickle
from importlib.util import find_spec
from pathlib import Path

import pytest

from client.cli import run
from client.model_commands import show

pytestmark = pytest.mark.component

NAME = "ViT-B-32/mine"
KNOWN = "ViT-B-32/laion2b_s34b_b79k"


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed here")
def test_without_torch_one_line_says_what_to_install(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(b"\x02\x00\x00\x00\x00\x00\x00\x00{}")
    assert run(["models", "pull", NAME, "--from", str(weights), "--home", str(tmp_path / "home")]) == 1
    said = capfd.readouterr()
    assert said.out == ""
    assert "pip install '.[gpu]'" in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert list((tmp_path / "home" / "models").iterdir()) == []


def test_a_folder_that_no_pull_made_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "somewhere"
    folder.mkdir()
    assert run(["models", "pull", NAME, "--from", str(folder), "--home", str(tmp_path / "home")]) == 1
    assert "no model" in capfd.readouterr().err
    assert list((tmp_path / "home" / "models").iterdir()) == []


def test_a_file_that_cannot_be_weights_is_refused_before_torch_is_asked_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    weights, home = tmp_path / "weights.pt", str(tmp_path / "home")
    weights.write_bytes(pickle.dumps({"a": 1}))
    assert run(["models", "pull", NAME, "--from", str(weights), "--home", home]) == 1
    assert "is a pickle, and loading a pickle runs whatever code it carries" in capfd.readouterr().err
    weights.write_bytes(b"\x02\x00\x00\x00\x00\x00\x00\x00{}")
    assert run(["models", "pull", NAME, "--from", str(weights), "--home", home]) == 1
    assert "by another name: call it weights.safetensors" in capfd.readouterr().err
    weights = weights.rename(tmp_path / "weights.safetensors")
    assert run(["models", "pull", NAME, "--from", str(weights), "--sha256", "0" * 64, "--home", home]) == 1
    assert "has the sha256" in capfd.readouterr().err
    assert run(["models", "pull", KNOWN, "--from", str(weights), "--home", home, "--json"]) == 1
    error = json.loads(capfd.readouterr().out)["error"]
    assert error["code"] == "model-refused"
    assert "other weights are another model" in error["detail"]
    assert list((tmp_path / "home" / "models").iterdir()) == []


def test_what_was_pulled_is_shown_as_a_table_or_as_json(capfd: pytest.CaptureFixture[str]) -> None:
    pulled = {"model": NAME, "revision": "2a53", "folder": "/home/models", "texts.torch_cosine": 0.99999}
    show(pulled, as_json=False)
    said = capfd.readouterr()
    rows = dict(line.rsplit(maxsplit=1) for line in said.out.splitlines())
    assert (rows["model"], rows["revision"]) == (NAME, "2a53")
    assert rows["texts: ONNX in float32 beside torch, least cosine"] == "0.99999"
    assert f"SIGHTLINE_IMAGE_MODEL={NAME} serves it" in said.err
    show(pulled, as_json=True)
    assert json.loads(capfd.readouterr().out) == pulled
