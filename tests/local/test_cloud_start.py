"""The local cloud starts, answers, says plainly why it cannot start, and stops."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from local_cloud.synth import STACK
from tests.running_cloud import REPOSITORY, RunningCloud, wait_until

pytestmark = pytest.mark.local


def local_cloud(*arguments: str | Path, timeout_s: float = 120, **environment: str) -> tuple[int, str]:
    """Exit status of the command and everything it said."""
    done = subprocess.run(
        [sys.executable, "-m", "local_cloud", *map(str, arguments)],
        cwd=REPOSITORY,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    return done.returncode, done.stdout


def test_it_answers_where_cloud_json_says(cloud: RunningCloud) -> None:
    with cloud.http() as http:
        assert http.get("/health").json()["status"] == "ok"
        assert http.get("/ready").json()["status"] == "ready"
        assert "text/html" in http.get("/docs").headers["content-type"]
        unknown = http.get("/nowhere")

    assert unknown.status_code == httpx.codes.NOT_FOUND
    assert psutil.pid_exists(cloud.facts["pid"])
    assert cloud.outputs["MediaBucketName"]
    assert "REPORT RequestId" in cloud.function_log("system_api")


def test_the_template_is_deployed_unmodified(cloud: RunningCloud) -> None:
    written = (cloud.home / "cdk.out" / f"{STACK}.template.json").read_text()
    deployed = cloud.aws("cloudformation").get_template(StackName=STACK)["TemplateBody"]

    assert (json.loads(deployed) if isinstance(deployed, str) else deployed) == json.loads(written)


def test_everything_listens_on_this_machine_only(cloud: RunningCloud) -> None:
    supervisor = psutil.Process(cloud.facts["pid"])
    addresses = {
        connection.laddr.ip
        for process in (supervisor, *supervisor.children(recursive=True))
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }

    assert addresses == {"127.0.0.1"}


def test_schedules_fire(cloud: RunningCloud) -> None:
    wait_until(
        lambda: "REPORT RequestId" in cloud.function_log("sweep_assets"),
        timeout_s=90,
        what="the minute's sweep",
    )


def test_a_second_cloud_on_the_same_home_is_refused(cloud: RunningCloud) -> None:
    status, said = local_cloud("up", "--home", cloud.home)

    assert status == 1
    assert f"already runs on {cloud.home}" in said
    assert "--home" in said


def test_a_taken_port_is_named_with_the_option_that_picks_another(
    cloud: RunningCloud, tmp_path: Path
) -> None:
    port = cloud.facts["ports"]["api"]

    status, said = local_cloud("up", "--home", tmp_path, "--port", str(port))

    assert status == 1
    assert f"Port {port} on 127.0.0.1" in said
    assert "--port" in said
    assert "Traceback" not in said


def test_another_version_of_the_emulator_is_refused(tmp_path: Path) -> None:
    distribution = tmp_path / "site" / "ministack-9.9.9.dist-info"
    distribution.mkdir(parents=True)
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: ministack\nVersion: 9.9.9\n")

    status, said = local_cloud("up", "--home", tmp_path / "home", PYTHONPATH=str(tmp_path / "site"))

    assert status == 1
    assert "ministack is 9.9.9; the local cloud needs exactly 1.5.33" in said
    assert "pip install 'ministack==1.5.33'" in said


def test_a_server_that_is_too_old_or_not_there_is_said_plainly(tmp_path: Path) -> None:
    nowhere = "postgresql://postgres@127.0.0.1:9/postgres"

    status, said = local_cloud("up", "--home", tmp_path, "--port", "0", DATABASE_URL=nowhere)

    assert status == 1
    assert "The database does not answer" in said


def test_down_stops_it_and_up_brings_everything_back(cloud: RunningCloud) -> None:
    bucket = cloud.outputs["MediaBucketName"]
    cloud.aws("s3").put_object(Bucket=bucket, Key="kept", Body=b"kept")
    supervisor = psutil.Process(cloud.facts["pid"])
    everything = [supervisor, *supervisor.children(recursive=True)]

    status, _ = local_cloud("down", "--home", cloud.home)
    cloud.stop()

    assert status == 0
    _, alive = psutil.wait_procs(everything, timeout=5)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    assert local_cloud("down", "--home", cloud.home) == (0, f"no local cloud runs on {cloud.home}\n")
    cloud.start()
    assert cloud.outputs["MediaBucketName"] == bucket
    assert cloud.aws("s3").get_object(Bucket=bucket, Key="kept")["Body"].read() == b"kept"


def test_nothing_needs_node_from_the_machine(tmp_path: Path) -> None:
    """With no node on PATH, the one from the wheel synthesizes the template."""
    assert shutil.which("node", path=str(tmp_path)) is None
    script = (
        "from pathlib import Path; from local_cloud.synth import synthesize;"
        f"synthesize(root=Path({str(REPOSITORY)!r}), out=Path({str(tmp_path / 'out')!r}))"
    )
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, env=environment, check=True, timeout=120)

    assert (tmp_path / "out" / f"{STACK}.template.json").exists()
