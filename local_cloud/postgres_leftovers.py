"""What a killed run leaves of Postgres: servers nobody owns, and a lock file that nobody holds."""

import signal
from pathlib import Path

import psutil


def end_servers_on(data_dir: Path) -> None:
    """End servers that a killed run left on this folder, and the lock file that no living server owns."""
    left = _processes_on(data_dir)
    for process in left:
        process.send_signal(signal.SIGINT)
    _, stubborn = psutil.wait_procs(left, timeout=10)
    for process in stubborn:
        process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    (data_dir / "postmaster.pid").unlink(missing_ok=True)


def _processes_on(data_dir: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.name().startswith("postgres") and Path(process.cwd()) == data_dir:
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found
