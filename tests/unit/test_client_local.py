"""An interrupt at the moment in which a process starts waits until there is somebody to stop it."""

import signal

import pytest

from client.local import uninterrupted

pytestmark = pytest.mark.unit


def test_an_interrupt_comes_when_the_process_is_known() -> None:
    started: list[str] = []

    def start() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            started.append("a process")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            start()
        assert started
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
