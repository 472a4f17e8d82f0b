"""The environment that make builds: once, checked by hash, with or without ensurepip."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.component
# A build backend in the tree, so that the test needs no index: it makes wheels of one file.
BACKEND = """
import zipfile
from pathlib import Path

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "project-1.0-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as wheel:
        wheel.writestr("project.pth", "")
        wheel.writestr("project-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: project\\nVersion: 1.0\\n")
        wheel.writestr("project-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("project-1.0.dist-info/RECORD", "")
    return name
"""  # noqa: E501
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


@dataclass
class Project:
    """A folder with bootstrap.py and requirement files that name one small wheel."""

    root: Path

    @property
    def python(self) -> Path:
        return self.root / ".venv/bin/python"

    def require(self, version: str, *, digest: str | None = None) -> None:
        wheel = tiny_wheel(self.root / "wheels", version)
        known = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
        text = f"--no-index\n--find-links {self.root / 'wheels'}\ntiny=={version} --hash=sha256:{known}\n"
        (self.root / "requirements/local.txt").write_text(text)

    def bootstrap(self, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        return subprocess.run(
            [sys.executable, "bootstrap.py", "local"],
            cwd=self.root,
            env={**kept, "PIP_NO_INDEX": "1", **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def tiny_version(self) -> str:
        code = "import tiny; print(tiny.version)"
        said = subprocess.run([self.python, "-c", code], capture_output=True, text=True, check=True)
        return said.stdout.strip()

    def without(self, *modules: str) -> str:
        """A PYTHONPATH under which these modules are not there, as on a Debian without python3-venv."""
        folder = self.root / "without"
        folder.mkdir(exist_ok=True)
        gone = "".join(f"sys.modules[{name!r}] = None\n" for name in modules)
        (folder / "sitecustomize.py").write_text(f"import sys\n{gone}")
        return str(folder)


def tiny_wheel(folder: Path, version: str) -> Path:
    folder.mkdir(exist_ok=True)
    path, about = folder / f"tiny-{version}-py3-none-any.whl", f"tiny-{version}.dist-info"
    files = {
        "tiny.py": f"version = {version!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
        wheel.writestr(
            f"{about}/RECORD", "".join(record(*item) for item in files.items()) + f"{about}/RECORD,,\n"
        )
    return path


def record(name: str, content: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "requirements").mkdir()
    shutil.copy(REPOSITORY / "bootstrap.py", tmp_path)
    (tmp_path / "requirements/models.txt").write_text("")
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "backend.py").write_text(BACKEND)
    made = Project(tmp_path)
    made.require("1.0")
    return made


def test_the_environment_is_made_once_and_again_when_a_requirement_changes(project: Project) -> None:
    first = project.bootstrap()
    assert first.returncode == 0, first.stdout + first.stderr
    assert "is ready" in first.stdout
    assert len(first.stdout.splitlines()) == 2
    assert project.tiny_version() == "1.0"

    again = project.bootstrap()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")

    project.require("2.0")
    assert project.bootstrap().returncode == 0
    assert project.tiny_version() == "2.0"


def test_a_wheel_of_another_hash_is_refused_with_the_end_of_the_log(project: Project) -> None:
    project.require("1.0", digest="0" * 64)
    refused = project.bootstrap()
    assert refused.returncode == 1
    assert "pip failed" in refused.stderr
    assert "hash" in refused.stderr.lower()
    assert "Traceback" not in refused.stderr
    project.require("1.0")
    assert project.bootstrap().returncode == 0


def test_without_ensurepip_another_pip_installs(project: Project) -> None:
    made = project.bootstrap(PYTHONPATH=project.without("ensurepip"))
    assert made.returncode == 0, made.stdout + made.stderr
    assert not list(project.root.glob(".venv/lib/python*/site-packages/pip"))
    assert project.tiny_version() == "1.0"


def test_without_any_pip_it_says_the_one_command_to_run(project: Project) -> None:
    lost = project.bootstrap(PYTHONPATH=project.without("ensurepip", "pip"))
    assert lost.returncode == 1
    assert f"apt-get install -y python{sys.version_info.major}.{sys.version_info.minor}-venv" in lost.stderr
    assert not project.python.exists()


def test_an_environment_whose_python_is_gone_is_made_anew(project: Project) -> None:
    project.python.parent.mkdir(parents=True)
    project.python.symlink_to("/nowhere/python3")
    assert project.bootstrap().returncode == 0
    assert project.tiny_version() == "1.0"
