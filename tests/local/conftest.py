"""One whole local cloud for the tier: started once, on free ports, in a home of its own."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running_cloud import RunningCloud


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """A shell starts background jobs with Ctrl-C ignored; what tests start would inherit that."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def cloud(models_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """The template deployed on this machine, with its endpoint and database."""
    home = tmp_path_factory.mktemp("cloud") / "home"
    home.mkdir()
    (models_home / "models").mkdir(exist_ok=True)
    (home / "models").symlink_to(models_home / "models")  # built once for all tiers
    running = RunningCloud(home)
    running.start()
    yield running
    running.stop()
