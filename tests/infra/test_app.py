"""The app as a command: stages, local assemblies, and findings that stop it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra_cdk.layer_build import ROOT

pytestmark = pytest.mark.infra

FLAWED = """
from aws_cdk import App, Stack, aws_s3
from infra_cdk.app import build
app = App(outdir={out!r})
build(app=app, stages=[], bundle=False)
aws_s3.Bucket(Stack(app, "Flawed"), "Open")
app.synth()
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """This interpreter in the repository."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )


def test_a_local_assembly_names_source_folders_and_copies_nothing(tmp_path: Path) -> None:
    done = python("-m", "infra_cdk.app", "--local", "--stage", "dev", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    body = json.loads((tmp_path / "out" / "Sightline-dev.template.json").read_text())
    functions = [r for r in body["Resources"].values() if r["Type"] == "AWS::Lambda::Function"]
    for function in functions:
        assert Path(function["Metadata"]["aws:asset:path"]).parent == ROOT / "functions"
        assert "Layers" not in function["Properties"]
    assert not list((tmp_path / "out").glob("asset.*"))
    assert not (tmp_path / "out" / "Sightline-prod.template.json").exists()


def test_a_finding_stops_the_synthesis(tmp_path: Path) -> None:
    done = python("-c", FLAWED.format(out=str(tmp_path / "out")))
    assert done.returncode != 0
    assert "AwsSolutions-S10" in done.stdout + done.stderr


def test_an_unknown_stage_is_refused(tmp_path: Path) -> None:
    done = python("-m", "infra_cdk.app", "--stage", "tset", "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "invalid choice" in done.stderr
