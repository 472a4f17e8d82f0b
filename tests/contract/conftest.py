"""What the contract tier shares."""

from collections.abc import Iterator

import pytest

from tests.emulator_process import EmulatorProcess


@pytest.fixture(scope="module")
def seamed_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    """The emulator as the local cloud runs it, with nothing deployed."""
    emulator = EmulatorProcess(tmp_path_factory.mktemp("seamed"))
    emulator.start()
    yield emulator
    emulator.stop()
