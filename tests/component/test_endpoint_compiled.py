"""A request's way as the images have it: compiled, and held to the tests of its sources."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from gpu_endpoint.compiling import MODULES, is_compiled

pytestmark = pytest.mark.component

ROOT = Path(__file__).resolve().parent.parent.parent
HELD_TO = (
    "unit/test_endpoint_admission.py",
    "unit/test_endpoint_batching.py",
    "unit/test_endpoint_metrics.py",
    "unit/test_endpoint_visits.py",
    "component/test_endpoint_app.py",
    "component/test_endpoint_http.py",
    "component/test_endpoint_limits.py",
    "component/test_endpoint_protocol.py",
)
# What a process of the image imports; there, nothing of the compiler is installed.
WHERE = """
import json, sys
from importlib import import_module
import gpu_endpoint.server
files = {name: import_module(f"gpu_endpoint.{name}").__file__ for name in sys.argv[1:]}
tools = {"mypy", "mypyc", "librt", "setuptools"} & set(sys.modules)
print(json.dumps({"files": files, "tools": sorted(tools)}))
"""


# Compiled code hands errors to what it awaits as Python 3.11 still did; from 3.12 on that is said to be old.
OLD_THROW = "ignore:the (type, exc, tb) signature of throw() is deprecated:DeprecationWarning"


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs with the package's copy in the place of the package."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=own | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with its compiled modules, quickly made."""
    if not shutil.which("cc") and not shutil.which("gcc"):
        pytest.skip("there is no C compiler here")
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        pytest.skip("Python's headers are not installed here")
    folder = tmp_path_factory.mktemp("compiled")
    leave_out = shutil.ignore_patterns("__pycache__", "*.so", "training")
    shutil.copytree(
        ROOT / "gpu_endpoint", folder / "gpu_endpoint", copy_function=os.symlink, ignore=leave_out
    )
    made = python(folder, "-m", "gpu_endpoint.compiling", ".", "--quick")
    assert made.returncode == 0, made.stdout + made.stderr
    return folder


def test_every_module_runs_compiled_and_needs_nothing_of_the_compiler(compiled: Path) -> None:
    found = python(compiled, "-c", WHERE, *MODULES)
    assert found.returncode == 0, found.stderr
    said = json.loads(found.stdout)
    assert {name for name, file in said["files"].items() if not file.endswith(".so")} == set()
    assert {Path(file).parent.parent for file in said["files"].values()} == {compiled}
    assert said["tools"] == []


def test_compiling_leaves_nothing_else_behind(compiled: Path) -> None:
    files = {path.name.split(".")[0] for path in compiled.rglob("*") if path.suffix == ".so"}
    assert files == {*MODULES, "gpu_endpoint__mypyc"}
    assert {path.name for path in compiled.iterdir() if path.is_dir()} == {"gpu_endpoint"}


def test_it_passes_the_tests_of_its_sources(compiled: Path, tmp_path: Path) -> None:
    files = [str(ROOT / "tests" / name) for name in HELD_TO]
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"), "-W", OLD_THROW]
    options += ["--rootdir", str(ROOT), "--basetemp", str(tmp_path / "of-tests")]
    ran = python(compiled, "-m", "pytest", *options, *files)
    assert ran.returncode == 0, ran.stdout[-4000:]
    assert int(re.findall(r"(\d+) passed", ran.stdout)[-1]) > 80
    (log,) = tmp_path.rglob("endpoint.log")
    assert b'"compiled": true' in log.read_bytes(), "the process that HTTP was spoken to"


def test_a_laptop_runs_the_sources() -> None:
    assert not is_compiled()
