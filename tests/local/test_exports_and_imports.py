"""A prefix imported, an export killed in the middle and finished, a video erased: on the whole stack."""

import csv
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.local.user import User
from tests.running_cloud import REPOSITORY, RunningCloud, wait_until
from tests.videos import video

pytestmark = pytest.mark.local

VIDEOS, SECONDS = 3, 20


@pytest.fixture(scope="module")
def user(cloud: RunningCloud) -> User:
    return User(cloud)


def sightline(cloud: RunningCloud, user: User, *arguments: str) -> Any:
    """What the command prints as JSON."""
    key = user.call("POST", "/v1/api-keys", json={"name": "tests", "role": "admin", "scopes": SCOPES}).json()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SIGHTLINE_")},
        "SIGHTLINE_API_URL": cloud.api_url,
        "SIGHTLINE_WORKSPACE_ID": user.workspace_id,
        "SIGHTLINE_API_KEY": key["key"],
    }
    command = [sys.executable, "-m", "client", *arguments, "--json"]
    done = subprocess.run(
        command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


SCOPES = ["assets:read", "assets:write", "search", "workspace:read", "workspace:write"]


@pytest.fixture(scope="module")
def imported(cloud: RunningCloud, user: User) -> list[str]:
    """Videos put into the drop bucket and imported from there, ready."""
    s3, bucket = cloud.aws("s3"), cloud.outputs["DropBucketName"]
    data = video(seconds=SECONDS, fps=10, gop=50, width=640, height=480)
    for number in range(VIDEOS):
        s3.put_object(Bucket=bucket, Key=f"{user.workspace_id}/2025/{number}.mp4", Body=data)
    s3.put_object(Bucket=bucket, Key=f"{user.workspace_id}/2025/notes.txt", Body=b"no video")
    s3.put_object(Bucket=bucket, Key=f"{user.workspace_id}/2025/broken.mp4", Body=b"no video either")
    done = sightline(cloud, user, "imports", "start", "--prefix", "2025/", "--tag", "fleet", "--wait")
    assert done["status"] == "done"
    assert (done["objects"]["registered"], done["objects"]["refused"]) == (VIDEOS + 1, 1)

    def settled() -> Any:
        found = sightline(cloud, user, "imports", "status", done["id"])
        counts = found["videos"]
        return found if counts["ready"] + counts["failed"] == VIDEOS + 1 else None

    found = wait_until(settled, timeout_s=120, what="the end of indexing")
    assert found["videos"]["ready"] == VIDEOS
    report = sightline(cloud, user, "imports", "report", done["id"])["items"]
    why = {item["key"].rpartition("/")[2]: item["code"] for item in report if item["code"]}
    assert why == {"notes.txt": "not-a-video", "broken.mp4": "not-a-video"}
    again = sightline(cloud, user, "imports", "start", "--prefix", "2025/", "--wait")
    assert (again["objects"]["skipped"], again["objects"]["registered"]) == (VIDEOS + 1, 0)
    return [item["asset_id"] for item in report if item["asset_status"] == "ready"]


def workers(cloud: RunningCloud, function: str) -> list[psutil.Process]:
    """Processes that run a function just now."""
    found = []
    for process in psutil.Process(cloud.facts["pid"]).children(recursive=True):
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        if environment.get("POWERTOOLS_SERVICE_NAME") == function:
            found.append(process)
    return found


def test_an_export_whose_worker_is_killed_is_finished_by_another(
    cloud: RunningCloud, user: User, imported: list[str], tmp_path: Path
) -> None:
    moments = [f"--moment={asset}@0-{SECONDS}" for asset in imported]
    wanted = ["--frames", "indexed", "--quality", "100", "--clips", "--name", "wet drives"]
    made = sightline(cloud, user, "exports", "create", *moments, *wanted)

    def begun() -> Any:
        found = user.call("GET", f"/v1/exports/{made['id']}").json()
        return found if found["status"] == "writing" else None

    assert wait_until(begun, timeout_s=60, what="the first written bytes")
    for worker in wait_until(lambda: workers(cloud, "write_export"), timeout_s=30, what="a worker"):
        worker.send_signal(signal.SIGKILL)
    log = cloud.home / "logs" / "write_export.log"
    calls = log.read_text().count("START RequestId")
    path = tmp_path / "drives.zip"
    got = sightline(cloud, user, "exports", "download", made["id"], "--output", str(path))
    assert got["size_bytes"] == path.stat().st_size
    assert log.read_text().count("START RequestId") > calls, "it was finished by another call"
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for file in json.loads(archive.read("manifest.json"))["files"]:
            assert hashlib.sha256(archive.read(file["path"])).hexdigest() == file["sha256"]
        frames = list(csv.DictReader(io.StringIO(archive.read("frames.csv").decode())))
        assert len(frames) == VIDEOS * SECONDS
        assert len([name for name in archive.namelist() if name.startswith("clips/")]) == VIDEOS
    assert user.call("GET", f"/v1/exports/{made['id']}").json()["left_out"] == 0


def test_an_erased_video_takes_its_exports_along_and_proves_it(
    cloud: RunningCloud, user: User, imported: list[str]
) -> None:
    doomed, kept = imported[:2]
    shown = sightline(cloud, user, "exports", "create", f"--asset={doomed}", "--wait")
    other = sightline(cloud, user, "exports", "create", f"--asset={kept}", "--wait")
    proof = sightline(cloud, user, "erase", "asset", doomed, "--wait")
    assert (proof["status"], proof["objects_left"], proof["rows_left"]) == ("done", 0, 0)
    assert proof["objects"]["sources"] >= 1
    assert proof["objects"]["exports"] >= 1
    assert user.call("GET", f"/v1/exports/{shown['id']}").status_code == httpx.codes.NOT_FOUND
    assert user.call("GET", f"/v1/exports/{other['id']}").json()["status"] == "ready"
    kept_for = sightline(cloud, user, "retention", "365")
    assert kept_for["retention_days"] == 365
    left = cloud.aws("s3").list_object_versions(Bucket=cloud.outputs["MediaBucketName"])
    keys = [found["Key"] for kind in ("Versions", "DeleteMarkers") for found in left.get(kind, [])]
    assert not [key for key in keys if doomed in key or shown["id"] in key]
