"""The lock files carry what pyproject.toml asks for, by hash, and name no registry."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.unit
ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
LOCAL = ("media", "learning", "endpoint", "local", "client", "cdk", "build")
EXTRAS = {
    "local.txt": LOCAL,
    "dev.txt": (*LOCAL, "test", "dev"),
    "torch.txt": ("endpoint", "gpu", "test", "build"),
    "deploy.txt": ("endpoint", "deploy", "test", "build"),
}


def locked(name: str) -> dict[str, list[str]]:
    """Versions by package: one, or one for each range of Pythons."""
    found: dict[str, list[str]] = {}
    text = (ROOT / "requirements" / name).read_text()
    for package, version in re.findall(r"(?m)^([a-z0-9-]+)==([^ ]+)", text):
        found.setdefault(package, []).append(version)
    return found


@pytest.mark.parametrize("name", EXTRAS)
def test_every_requirement_is_locked_within_its_range(name: str) -> None:
    versions, extras = locked(name), PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *(one for extra in EXTRAS[name] for one in extras[extra])]
    for requirement in map(Requirement, wanted):
        package = re.sub(r"[-_.]+", "-", requirement.name).lower()
        assert package in versions, f"{requirement} is not in {name}: run make lock"
        outside = [version for version in versions[package] if version not in requirement.specifier]
        assert outside == [], f"{requirement}: run make lock"


def test_what_both_environments_have_has_one_version() -> None:
    wide, narrow = locked("dev.txt"), locked("local.txt")
    assert {package: versions for package, versions in narrow.items() if wide.get(package) != versions} == {}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_package_has_hashes_and_no_address_is_named(path: Path) -> None:
    text = path.read_text()
    entries = re.split(r"(?m)^(?=[a-z0-9])", text)[1:]
    assert entries
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.search(r"https?://|file:|--index|--extra-index|--find-links", text) is None


def test_the_environment_without_torch_has_no_torch() -> None:
    assert {"torch", "torchvision", "open-clip-torch"} & set(locked("dev.txt")) == set()
