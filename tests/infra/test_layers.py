"""What is shipped: layers that fit, and handlers that start with nothing but them."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from infra_cdk.layer_build import (
    AWS_SERVICES,
    LAYERS,
    LOCKED,
    NAMES,
    ROOT,
    Target,
    build,
    fingerprint,
    size_bytes,
)

pytestmark = pytest.mark.infra

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LIMIT_BYTES = 250 * 1024 * 1024
HANDLERS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
EXTRA_LAYER = {
    "probe_media": "media",
    "extract_frames": "media",
    "embed_frames": "media",
    "write_export": "media",
    "train_concept": "learning",
}
START = """
import sys
sys.path[:0] = sys.argv[1:]
import handler
assert callable(handler.handler)
assert not [name for name in ("moto", "pytest", "ministack", "local_cloud") if name in sys.modules]
"""


def names(lines: str) -> set[str]:
    """Requirement names without comments, extras and versions."""
    return {re.split(r"[\[<>=!~ ;]", line)[0] for line in lines.splitlines() if line and line[0].isalpha()}


def pins(lock: Path) -> dict[str, set[str]]:
    """Package -> versions of a requirement lock; there are two where Pythons differ."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([a-z0-9-]+)==([^ \\]+)", lock.read_text(), re.MULTILINE):
        found.setdefault(package, set()).add(version)
    return found


def test_layers_fit_together(tmp_path: Path) -> None:
    sizes = {}
    for name in NAMES:
        build(name, out=tmp_path / name)
        sizes[name] = size_bytes(tmp_path / name)
    for extra in NAMES[1:]:
        assert sizes["core"] + sizes[extra] < LIMIT_BYTES, sizes
    assert list((tmp_path / "core" / "python" / "pydantic_core").glob("*cpython-313-x86_64-linux-gnu.so"))


@pytest.mark.parametrize("function", HANDLERS)
def test_a_handler_starts_with_its_asset_and_its_layers_alone(function: str, layers_here: Path) -> None:
    extra = [EXTRA_LAYER[function]] if function in EXTRA_LAYER else []
    layers = [layers_here / name / "python" for name in ("core", *extra)]
    script = [sys.executable, "-I", "-S", "-c", START, str(ROOT / "functions" / function), *map(str, layers)]
    environment = {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_LAMBDA_FUNCTION_NAME": function,
        "POWERTOOLS_SERVICE_NAME": function,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(script, capture_output=True, text=True, env=environment, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]


def test_teaching_needs_nothing_but_its_layers(layers_here: Path) -> None:
    layers = [str(layers_here / name / "python") for name in ("core", "learning")]
    teach = "import sys\nsys.path[:0] = sys.argv[1:]\nimport sightline.scenarios.concepts.learning"
    script = [sys.executable, "-I", "-S", "-c", teach, *layers]
    done = subprocess.run(script, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


def test_layers_and_image_carry_what_the_package_declares() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    core = names((LAYERS / "core" / "requirements.in").read_text())
    media = names((LAYERS / "media" / "requirements.in").read_text())
    learning = names((LAYERS / "learning" / "requirements.in").read_text())
    image = names((ROOT / "infra_cdk" / "images" / "endpoint.in").read_text())
    assert core == names("\n".join(declared["dependencies"])) | {"numpy"}
    assert media == names("\n".join(declared["optional-dependencies"]["media"])) - {"numpy"}
    assert learning == names("\n".join(declared["optional-dependencies"]["learning"]))
    assert image == names("\n".join(declared["optional-dependencies"]["endpoint"]))


@pytest.mark.parametrize("source", LOCKED, ids=str)
def test_what_is_shipped_is_of_no_other_version_than_the_laptop_has(source: Path) -> None:
    laptop = pins(ROOT / "requirements" / "local.txt")
    shipped = pins((ROOT / source).with_suffix(".txt"))
    shared = shipped.keys() & laptop.keys()
    assert len(shared) >= 2
    assert {name: shipped[name] for name in shared} == {name: laptop[name] for name in shared}


def test_every_aws_client_of_the_code_is_described_in_the_layer() -> None:
    code = "\n".join(path.read_text() for path in (LAYERS / "core" / "python").rglob("*.py"))
    asked = set(re.findall(r"""(?:client|resource)\(\s*["']([a-z0-9-]+)["']""", code))
    assert asked
    assert asked <= AWS_SERVICES


def test_a_layer_is_rebuilt_when_its_lock_changes() -> None:
    assert fingerprint("core") != fingerprint("media")
    assert fingerprint("core") == fingerprint("core")


def test_the_target_is_the_runtime_of_the_functions() -> None:
    from infra_cdk.layers import RUNTIME

    assert f"python{Target().python}" == RUNTIME.name
