"""Compiles the modules on a request's way to C: the same source, a quarter less of the interpreter's time.

`python -m gpu_endpoint.compiling FOLDER` lays compiled modules beside the sources of the package's copy in
FOLDER, where Python prefers them. The images are built so, a laptop runs the sources: docs/decisions/0011.
"""

from __future__ import annotations

import argparse
from contextlib import chdir
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

# All that the event loop runs for each request, and is ours. What it has of other packages' classes stays as
# it is: pydantic's and FastAPI's look into what they are given, and find nothing in a compiled one.
MODULES = (
    "admission",
    "answers",
    "batching",
    "cutting",
    "deadlines",
    "exchange",
    "inference",
    "pace",
    "protocol",
    "registry",
    "residents",
    "tickets",
    "visits",
    "waiting",
)
# `make check` looks at all types. Here only those of these modules are asked for, so that nothing that they
# import need be installed.
READING = (
    "--config-file=",
    "--cache-dir=/dev/null",
    "--follow-imports=skip",
    "--ignore-missing-imports",
    "--explicit-package-bases",
)


def is_compiled() -> bool:
    """Whether this process runs the compiled modules."""
    found = find_spec("gpu_endpoint.protocol")
    return found is not None and not str(found.origin).endswith(".py")


def compile_modules(folder: Path, *, optimised: bool = True) -> None:
    """Each beside its source. Raises: SystemExit, when mypy or the compiler refuses."""
    from mypyc.build import mypycify
    from setuptools import Distribution

    sources = [f"gpu_endpoint/{name}.py" for name in MODULES]
    with TemporaryDirectory() as scratch, chdir(folder):
        extensions = mypycify(
            [*READING, *sources],
            opt_level="3" if optimised else "0",
            debug_level="0",
            group_name="gpu_endpoint",
            target_dir=scratch,
        )
        built = Distribution({"name": "gpu_endpoint", "ext_modules": extensions})
        command = built.get_command_obj("build_ext")
        command.inplace, command.build_lib, command.build_temp = True, scratch, scratch
        built.run_command("build_ext")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m gpu_endpoint.compiling")
    parser.add_argument("folder", type=Path, help="where gpu_endpoint is copied to")
    parser.add_argument("--quick", action="store_true", help="compiled sooner, runs slower")
    given = parser.parse_args()
    compile_modules(given.folder, optimised=not given.quick)


if __name__ == "__main__":
    main()
