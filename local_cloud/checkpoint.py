"""Writes the emulator's state while it runs: by itself it does so only when it is stopped in peace.

Never in the middle of a deploy: what is found at the next start is the state before it or after it.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

INTERVAL_S = 1.0
SETTLE_S = 5.0  # work goes on behind a request (queues, state machines) without another one
_passed_on: ContextVar[bool] = ContextVar("passed_on", default=False)


@contextmanager
def passed_on() -> Iterator[None]:
    """A call of the HTTP API, and the function that answers it, change no state themselves.

    What the function asks of other services arrives as requests of their own. A save takes 50 ms, and calls
    wait for it.
    """
    before = _passed_on.set(True)
    try:
        yield
    finally:
        _passed_on.reset(before)


class Checkpoint:
    """Saves while there is work, and once more after it, however late the machine comes to it."""

    def __init__(
        self, write: Callable[[], bool] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write or Writer().write
        self._clock = clock
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._active_until = 0.0
        self._saved_at = 0.0
        self._started = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def take_over(self) -> None:
        """From the emulator, which at its end would save the middle of a deploy too."""
        from ministack import app

        app.save_all = lambda _services: None

    def start(self) -> None:
        """Save about once a second from now on. All that is stored has been read by now."""
        self._started = True
        self._thread.start()

    def touch(self) -> None:
        """Something happened that may change state."""
        if not _passed_on.get():
            self._active_until = self._clock() + SETTLE_S

    @property
    def due(self) -> bool:
        """Something may have happened since all was saved."""
        return self._saved_at < self._active_until

    def save(self) -> None:
        """Save now; before the start nothing, for that would store an emulator that has read nothing yet."""
        if not self._started:
            return
        with self._lock:
            began_at = self._clock()
            if self._write():
                self._saved_at = began_at

    def stop(self) -> None:
        """Save for the last time."""
        self._stop.set()
        if self._started:
            self._thread.join()
        self.save()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            if self.due:
                self.save()


class Writer:
    """Writes each service whose state has changed since it was last written."""

    def __init__(self) -> None:
        self._digests: dict[str, bytes] = {}

    def write(self) -> bool:
        """False when not all could be written: the next turn comes in a second."""
        from ministack.app import _build_persistence_save_dict
        from ministack.core import persistence

        if _deploying():
            return False
        whole = True
        for service, read in _build_persistence_save_dict().items():
            try:
                state = read()
                text = json.dumps(state, default=persistence._json_default)
            except RuntimeError:  # it changed while it was copied
                whole = False
                continue
            digest = hashlib.sha256(text.encode()).digest()
            if state is not None and self._digests.get(service) != digest:
                persistence.save_state(service, state)
                self._digests[service] = digest
        return whole


def _deploying() -> bool:
    from ministack.services import cloudformation

    stacks = list(cloudformation._stacks._data.values())
    return any(stack["StackStatus"].endswith("_IN_PROGRESS") for stack in stacks)
