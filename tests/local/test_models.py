"""A model of the local cloud, swapped as an operator swaps it: the next video is indexed with it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from benchmarks.variants import write_variant
from local_cloud.emulator_config import ACCESS_KEY, REGION, SECRET_KEY
from tests.local.user import User
from tests.running_cloud import REPOSITORY, RunningCloud
from tests.videos import video

pytestmark = pytest.mark.local

MODEL = "scenes-rn-128e"


def models(cloud: RunningCloud, *words: str | Path) -> Any:
    """What an operator's command prints."""
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": cloud.facts["emulator_url"],
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "SIGHTLINE_MODEL_STORE": cloud.outputs["ModelStore"],
    }
    command = [sys.executable, "-m", "gpu_endpoint", "models", *words, "--json"]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def served(cloud: RunningCloud) -> str:
    """The revision that answers."""
    url = cloud.facts["endpoint_url"]
    answer = httpx.post(f"{url}/invocations", json={"texts": ["a van"]}, timeout=60)
    return str(answer.json()["revision"])


def indexed_by(cloud: RunningCloud, asset_id: str) -> str:
    """The revision that a video's run kept to."""
    with psycopg.connect(cloud.database_url()) as connection:
        row = connection.execute("SELECT model_revision FROM asset WHERE id = %s", [asset_id]).fetchone()
    assert row is not None
    return str(row[0])


def test_the_docs_find_the_store_of_a_local_cloud(cloud: RunningCloud, tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / ".sightline").symlink_to(cloud.home)
    page = (REPOSITORY / "docs" / "models.md").read_text(encoding="utf-8")
    block = page.partition("## Step by step\n")[2].partition("```sh\n")[2].partition("```")[0]
    done = subprocess.run(
        ["sh", "-eu", "-c", block],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(rf"^{MODEL} +\w{{12}} +1 of 1", done.stdout, re.MULTILINE)


def test_a_promoted_revision_indexes_the_next_video(cloud: RunningCloud, tmp_path: Path) -> None:
    user, before = User(cloud), served(cloud)
    config = write_variant(MODEL, tmp_path, kind="agrees", seed=1)
    revision = models(cloud, "register", config)["revision"]
    models(cloud, "load", MODEL, revision)
    assert served(cloud) == before
    assert models(cloud, "promote", MODEL, revision)["swap_s"] < 30
    try:
        assert served(cloud).startswith(revision)
        clip = tmp_path / "drive.mp4"
        clip.write_bytes(video(seconds=3))
        asset_id = user.upload(clip)
        user.wait_ready(asset_id)
        assert indexed_by(cloud, asset_id) == served(cloud)
        (entry,) = [one for one in models(cloud, "list") if one["id"] == MODEL]
        assert (entry["current"], entry["serving"], entry["containers"]) == (revision, 1, 1)
    finally:
        models(cloud, "rollback", MODEL)
    assert served(cloud) == before
