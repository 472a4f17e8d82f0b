"""Write the requirement files from pyproject.toml (`make lock`): complete, hashed, naming no registry."""

import hashlib
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
LOCAL_EXTRAS = ("media", "learning", "endpoint", "local", "client", "cdk", "build")
# The newest torch that the CPU-only index and the plain one both carry for Python 3.11 to 3.13.
TORCH = (HERE / "torch.in").read_text().strip()
# These come with the CUDA build of torch on Linux and are dead weight beside the CPU build.
CUDA_PACKAGE = re.compile(r"^(cuda-|nvidia-|triton)")


def main() -> None:
    """Lock the widest environment first, and hold the narrower ones to its versions."""
    compile_lock("dev.txt", extras=(*LOCAL_EXTRAS, "test", "dev"))
    compile_lock("local.txt", extras=LOCAL_EXTRAS, constraints=["dev.txt"])
    compile_lock("models.txt", source="models.in", arguments=["--no-deps"])
    compile_lock(
        "torch.txt",
        extras=("endpoint", "gpu", "reference", "test", "build"),
        constraints=["dev.txt", "torch.in"],
    )
    split_cuda()
    # Apart: the SageMaker SDK holds back packages that the others have newer.
    compile_lock("deploy.txt", extras=("endpoint", "deploy", "test", "build"))


def compile_lock(
    name: str,
    *,
    source: str = "../pyproject.toml",
    extras: tuple[str, ...] = (),
    constraints: list[str] | None = None,
    arguments: list[str] | None = None,
) -> None:
    """Resolve one file for every platform and every Python from 3.11 on."""
    uv = Path(sysconfig.get_path("scripts")) / "uv"
    command = [str(uv), "pip", "compile", source, "--quiet", "--universal", "--generate-hashes", "--upgrade"]
    command += ["--python-version", "3.11", "--no-emit-index-url", "--no-annotate"]
    command += ["--custom-compile-command", "make lock", "--output-file", name]
    command += [part for extra in extras for part in ("--extra", extra)]
    command += [part for constraint in constraints or [] for part in ("--constraint", constraint)]
    subprocess.run([*command, *(arguments or [])], cwd=HERE, check=True)
    print(f"requirements/{name}")


def split_cuda() -> None:
    """Move what only the CUDA build needs to a file of its own, and let the CPU build's wheel in."""
    text = (HERE / "torch.txt").read_text()
    head, *entries = re.split(r"(?m)^(?=[a-z0-9])", text)
    cuda = [entry for entry in entries if CUDA_PACKAGE.match(entry)]
    plain = [with_cpu_wheel(entry) for entry in entries if entry not in cuda]
    (HERE / "torch.txt").write_text(head + "".join(plain))
    (HERE / "torch-cuda.txt").write_text(head + "".join(cuda))


def with_cpu_wheel(entry: str) -> str:
    """Add the hash of the CPU wheel to torch's entry, where pip's own configuration finds one."""
    if not entry.startswith("torch=="):
        return entry
    with tempfile.TemporaryDirectory() as folder:
        wanted = ["--no-deps", "--only-binary", ":all:", "--dest", folder, f"{TORCH}+cpu"]
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *wanted], check=True)
        digests = [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in Path(folder).iterdir()]
    return entry.rstrip("\n") + "".join(f" \\\n    --hash=sha256:{digest}" for digest in digests) + "\n"


if __name__ == "__main__":
    main()
