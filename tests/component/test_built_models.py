"""What an image brings along is used where it lies: the container's folders and settings, in a process."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from gpu_endpoint.built import link_built
from tests.endpoint_process import running_endpoint

pytestmark = pytest.mark.component


def test_models_are_linked_once_and_what_is_there_stays(tmp_path: Path) -> None:
    built, home = tmp_path / "built", tmp_path / "home"
    (built / "models").mkdir(parents=True)
    (built / "models" / "a.onnx").write_bytes(b"brought")
    (built / "models" / "b.onnx").write_bytes(b"brought")
    (home / "models").mkdir(parents=True)
    (home / "models" / "b.onnx").write_bytes(b"newer")
    assert link_built(built, home) == 1
    assert link_built(built, home) == 0
    assert (home / "models" / "a.onnx").readlink() == built / "models" / "a.onnx"
    assert (home / "models" / "b.onnx").read_bytes() == b"newer"


def test_a_container_serves_what_its_image_brought_and_builds_nothing(
    models_home: Path, inference_endpoint: object, tmp_path: Path
) -> None:
    """The session's endpoint has built its models in models_home, as an image's build does."""
    with running_endpoint(tmp_path, SIGHTLINE_BUILT=models_home):
        files = [path for path in (tmp_path / "models").rglob("*") if not path.is_dir()]
        assert files
        assert [path.name for path in files if not path.is_symlink()] == []


@pytest.mark.parametrize(
    ("limit", "model", "said"),
    [
        (100_000, "scenes-rn-128e", "no space is left for the model's files"),
        (resource.RLIM_INFINITY, "nobody", "no model 'nobody'"),
    ],
)
def test_a_build_that_cannot_be_says_why_in_one_line(
    tmp_path: Path, limit: int, model: str, said: str
) -> None:
    """A limit on the size of files stands in for the disk's end, and must not cut off compiled modules."""
    done = subprocess.run(
        [sys.executable, "-m", "gpu_endpoint", "build", "--home", str(tmp_path)],
        env={"SIGHTLINE_IMAGE_MODEL": model, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY)),
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = done.stderr.splitlines()
    assert (done.returncode, line.startswith(said)) == (1, True), line
