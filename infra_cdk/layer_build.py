"""Builds a Lambda layer for Amazon Linux 2023 from its locked requirements; needs no Docker.

`python -m infra_cdk.layer_build build core OUT` fills OUT, `python -m infra_cdk.layer_build lock` re-locks.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ROOT / "layers"
NAMES = ("core", "media", "learning")
LOCKED = (
    *(Path("layers") / name / "requirements.in" for name in NAMES),
    Path("infra_cdk/images/endpoint.in"),
    Path("infra_cdk/images/endpoint-gpu.in"),
    Path("infra_cdk/images/compile.in"),
)
# The Lambda runtime: Python 3.13 on Amazon Linux 2023, glibc 2.34. PyAV and Pillow publish no wheels for the
# glibc 2.26 of Python 3.11's Amazon Linux 2 (docs/decisions).
PYTHON = "3.13"
PLATFORM = "x86_64-manylinux_2_28"
# botocore describes 430 services in 18 MB; a test holds this list to the clients that the code makes.
AWS_SERVICES = frozenset(
    {
        "bedrock-runtime",
        "cognito-idp",
        "events",
        "kms",
        "s3",
        "sagemaker-runtime",
        "secretsmanager",
        "sesv2",
        "sqs",
        "ssm",
        "stepfunctions",
        "sts",
    }
)
# What a layer needs and does not carry, because core does.
CARRIED = {"learning": ("numpy",)}
# scikit-learn and scipy are taken for one classifier: what it does not import stays out. A test imports it.
_SCIPY = ("cluster", "datasets", "fftpack", "io", "odr", "signal")
_SKLEARN = (
    "cluster", "datasets", "decomposition", "ensemble", "feature_extraction", "gaussian_process", "manifold",
    "mixture", "neighbors", "neural_network", "semi_supervised", "tree",
)  # fmt: skip
UNUSED = (
    "**/tests", "**/*.pyi", "**/*-stubs", "bin", "share", "numpy/_core/include",
    "sklearn/**/*.px[di]", "sklearn/**/*.pyx", "sklearn/**/*.tp", "sklearn/**/*.[ch]",
    *(f"scipy/{name}" for name in _SCIPY), *(f"sklearn/{name}" for name in _SKLEARN),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Target:
    """The interpreter and platform that wheels are chosen for; None is the one that runs this."""

    python: str = PYTHON
    platform: str | None = PLATFORM


def build(name: str, *, out: Path, target: Target | None = None) -> None:
    """Fills out with what Lambda mounts at /opt: packages, our own code for core, and bytecode."""
    target = target or Target()
    packages = out / "python"
    install(LAYERS / name / "requirements.txt", packages=packages, target=target)
    strip(packages)
    ours = LAYERS / name / "python"
    if ours.is_dir():
        shutil.copytree(ours, packages, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    compile_bytecode(packages, python=target.python)


def install(requirements: Path, *, packages: Path, target: Target) -> None:
    """Installs wheels only, each checked against its hash."""
    command = [find_uv_bin(), "pip", "install", "--quiet", "--target", str(packages), "--require-hashes"]
    command += [
        "--only-binary",
        ":all:",
        "--python-version",
        target.python,
        "--requirement",
        str(requirements),
    ]
    # A lock names everything but what the core layer carries already.
    command += ["--no-deps"]
    command += ["--python-platform", target.platform] if target.platform else []
    subprocess.run(command, check=True, env=_environment(), stdout=sys.stderr)


def strip(packages: Path) -> None:
    """Takes out what a function never reads: tests, stubs, scripts and services we do not call."""
    doomed = [path for pattern in UNUSED for path in packages.glob(pattern)]
    services = packages / "botocore" / "data"
    if services.is_dir():
        doomed += [path for path in services.iterdir() if path.is_dir() and path.name not in AWS_SERVICES]
    for path in doomed:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def compile_bytecode(packages: Path, *, python: str) -> None:
    """Compiles ahead, because /opt is read-only and every cold start would compile again.

    Unchecked hashes: a layer's zip carries no times that bytecode could be compared with.
    """
    found = subprocess.run(
        [find_uv_bin(), "python", "find", "--no-project", python], capture_output=True, text=True, check=False
    )
    if found.returncode:
        print(f"no Python {python} here: the layer starts slower, without bytecode", file=sys.stderr)
        return
    command = [found.stdout.strip(), "-m", "compileall", "-q", "-j", "0", str(packages)]
    subprocess.run([*command, "--invalidation-mode", "unchecked-hash"], check=True, stdout=sys.stderr)


def lock() -> None:
    """Writes the locks of layers and image: hashes, no registry, at the versions of the laptop's lock."""
    for source in LOCKED:
        command = [find_uv_bin(), "pip", "compile", "--quiet", "--upgrade", "--generate-hashes"]
        command += ["--no-emit-index-url", "--no-annotate"]
        command += ["--custom-compile-command", "python -m infra_cdk.layer_build lock"]
        command += ["--universal", "--python-version", "3.11", "--only-binary", ":all:"]
        command += ["--constraint", "requirements/local.txt"]
        command += [f"--no-emit-package={package}" for package in CARRIED.get(source.parent.name, ())]
        command += ["--output-file", str(source.with_suffix(".txt")), str(source)]
        subprocess.run(command, check=True, cwd=ROOT)


def fingerprint(name: str) -> str:
    """Changes with anything that a built layer is made from."""
    digest = hashlib.sha256(f"{PYTHON} {PLATFORM}".encode())
    for path in _sources(name):
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def size_bytes(folder: Path) -> int:
    """Unzipped size, which is what Lambda limits to 250 MB over all layers of a function."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _sources(name: str) -> Iterator[Path]:
    yield Path(__file__)
    for path in sorted((LAYERS / name).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def _environment() -> dict[str, str]:
    """uv with the registry that pip is configured to use, which it does not read by itself."""
    # pip takes the best version over all of its indexes; every file is checked against its hash either way.
    environment = {"UV_INDEX_STRATEGY": "unsafe-best-match"} | dict(os.environ)
    for ours, pips in (("UV_DEFAULT_INDEX", "index-url"), ("UV_INDEX", "extra-index-url")):
        configured = _pip_setting(pips)
        if configured and ours not in environment:
            environment[ours] = configured
    return environment


def _pip_setting(name: str) -> str:
    variable = os.environ.get(f"PIP_{name.upper().replace('-', '_')}", "")
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", f"global.{name}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return variable or asked.stdout.strip()


def main(arguments: Sequence[str] | None = None) -> None:
    """Builds one layer or locks all."""
    parser = argparse.ArgumentParser(prog="python -m infra_cdk.layer_build", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    builder = commands.add_parser("build")
    builder.add_argument("name", choices=NAMES)
    builder.add_argument("out", type=Path)
    commands.add_parser("lock")
    options = parser.parse_args(arguments)
    if options.command == "lock":
        lock()
        return
    build(options.name, out=options.out)
    print(f"{options.name}: {size_bytes(options.out) / 2**20:.0f} MiB unzipped")


if __name__ == "__main__":
    main()
