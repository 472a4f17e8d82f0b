"""Make the virtual environments that make's targets run in. Standard library only: it runs before any exists.

    python bootstrap.py local     .venv for `make demo` and `make up`
    python bootstrap.py dev       .venv with what `make check` and `make test` need on top
    python bootstrap.py torch     .venv-torch for `make test-torch`
    python bootstrap.py deploy    .venv-deploy for `make test-deploy` and python -m gpu_endpoint.deploy

A requirement file is installed once for each of its contents; a second run does nothing. pip reads the user's
own configuration (index, proxy, certificates), and every wheel must match a hash in the requirement files.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent
REQUIREMENTS = ROOT / "requirements"
ENVIRONMENTS = {
    "local": (".venv", ["local.txt", "models.txt"]),
    "dev": (".venv", ["dev.txt", "models.txt"]),
    "torch": (".venv-torch", ["torch.txt", "models.txt"]),
    "deploy": (".venv-deploy", ["deploy.txt", "models.txt"]),
}
STAMP = "sightline-installed.json"
LOG = "install.log"
# `pip --python` came with pip 22.3.
PIP_IS_NEW_ENOUGH = "import pip; exit(tuple(map(int, pip.__version__.split('.')[:2])) < (22, 3))"


class BootstrapError(Exception):
    """The environment cannot be made; the text says what to do."""


def main() -> None:
    """Bring the named environment up to date, or say in a few lines why it cannot be."""
    if len(sys.argv) != 2 or sys.argv[1] not in ENVIRONMENTS:
        sys.exit(f"usage: python bootstrap.py {'|'.join(ENVIRONMENTS)}")
    folder, names = ENVIRONMENTS[sys.argv[1]]
    try:
        bring_up_to_date(ROOT / folder, [REQUIREMENTS / name for name in names])
    except BootstrapError as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit("\nstopped; run it again to go on")


def bring_up_to_date(venv: Path, files: list[Path]) -> None:
    """Install what the stamp does not yet name."""
    wanted = {file.name: digest(file) for file in [*files, ROOT / "pyproject.toml"]}
    done = stamped(venv)
    if all(done.get(name) == value for name, value in wanted.items()):
        return
    started = time.monotonic()
    if done:
        say(f"Bringing {venv.name} up to date.")
    else:
        say(f"Making {venv.name} with Python {sys.version.split()[0]}: this takes a minute or two, once.")
    python = make_venv(venv)
    pip = find_pip(venv, python)
    lines = [f"-r{file}" for file in files]
    install(pip, venv, lines, expected=sum(count_packages(file) for file in files))
    if needs_cuda(venv):
        file = REQUIREMENTS / "torch-cuda.txt"
        install(pip, venv, [f"-r{file}"], expected=count_packages(file))
    # With the build backend already there: nothing is downloaded, so nothing escapes the hashes above.
    install(pip, venv, ["--no-build-isolation", "--editable", str(ROOT)], expected=0)
    # Read again: an environment made anew has nothing of what the old one had.
    (venv / STAMP).write_text(json.dumps(stamped(venv) | wanted, indent=1))
    say(f"{venv.name} is ready ({time.monotonic() - started:.0f} s).")


def digest(file: Path) -> str:
    """The content of a requirement file, and the Python it was installed for."""
    return hashlib.sha256(file.read_bytes() + sys.version.encode()).hexdigest()


def stamped(venv: Path) -> dict[str, str]:
    """What was installed before, as long as the environment's Python still runs."""
    stamp = venv / STAMP
    if not stamp.exists() or not runs(venv_python(venv)):
        return {}
    installed: dict[str, str] = json.loads(stamp.read_text())
    return installed


def make_venv(venv: Path) -> Path:
    """Create the environment unless a working one of this Python's version stands there."""
    python = venv_python(venv)
    same_version = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    if runs(python, same_version):
        return python
    command = [sys.executable, "-m", "venv", "--clear", str(venv)]
    if importlib.util.find_spec("ensurepip") is None:
        command.append("--without-pip")
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise BootstrapError(f"{' '.join(command)} failed:\n{made.stdout}{made.stderr}")
    return python


def venv_python(venv: Path) -> Path:
    """Where the environment's interpreter lies on this system."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def runs(python: Path, code: str = "") -> bool:
    """Whether this interpreter exists, starts and agrees."""
    if not python.exists():
        return False
    return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0


def find_pip(venv: Path, python: Path) -> list[str]:
    """The environment's own pip, or another one that can install into it."""
    if runs(python, "import pip"):
        return [str(python), "-m", "pip"]
    for name in (sys.executable, "python3", "python3.13", "python3.12", "python3.11"):
        other = shutil.which(name)
        if other and runs(Path(other), PIP_IS_NEW_ENOUGH):
            return [other, "-m", "pip", "--python", str(python)]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    shutil.rmtree(venv)
    raise BootstrapError(
        f"This Python {version} came without pip (module ensurepip). On Debian and Ubuntu, run\n\n"
        f"    sudo apt-get install -y python{version}-venv\n\nand then the same command again."
    )


def count_packages(file: Path) -> int:
    """How many packages a requirement file names."""
    return sum(1 for line in file.read_text().splitlines() if line[:1].isalnum())


def needs_cuda(venv: Path) -> bool:
    """Whether pip chose the CUDA build of torch, whose libraries come as packages of their own."""
    folders = [str(folder) for folder in venv.glob("lib/python*/site-packages")]
    found = {item.metadata["Name"]: item.version for item in distributions(path=folders)}
    return sys.platform == "linux" and "torch" in found and not found["torch"].endswith("+cpu")


def install(pip: list[str], venv: Path, what: list[str], *, expected: int) -> None:
    """Run pip once with its output in a log, and one line of progress for the person waiting."""
    # Python compiles what it imports; compiling all of it here takes a minute for nothing.
    command = [
        *pip,
        "--disable-pip-version-check",
        "--no-input",
        "install",
        "--no-deps",
        "--no-compile",
        *what,
    ]
    if expected:
        command.append("--require-hashes")
    with (venv / LOG).open("a") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None  # noqa: S101 - Popen's type cannot say it
        try:
            follow(process.stdout, log, expected=expected)
        except KeyboardInterrupt:
            process.terminate()
            raise
    if process.wait() != 0:
        tail = "".join((venv / LOG).read_text().splitlines(keepends=True)[-20:])
        raise BootstrapError(f"pip failed; the end of {venv / LOG}:\n\n{tail}")


def follow(lines: Iterable[str], log: TextIO, *, expected: int) -> None:
    """Log what pip says; on a terminal, count the packages on one line."""
    found = 0
    for line in lines:
        log.write(line)
        found += line.startswith("Collecting ")
        if not expected or not sys.stdout.isatty():
            continue
        unpacking = line.startswith("Installing collected")
        print(
            f"\r  {'unpacking' if unpacking else 'fetching '} {found}/{expected} packages ",
            end="",
            flush=True,
        )
    if expected and sys.stdout.isatty():
        print("\r" + " " * 50, end="\r", flush=True)


def say(text: str) -> None:
    """A line for the person waiting."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
