"""Work on a thread of its own, beside the pool in which a container follows its state and says how it stands.

What waits or hangs in a pool keeps others from their place, and the process from its end.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


def begun(work: Callable[[], Result], *, name: str) -> Future[Result]:
    """What will come of it; who gives that up leaves the thread to end when it can."""
    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - raised where the result is waited for
            future.set_exception(error)
        else:
            future.set_result(result)

    Thread(target=run, name=name, daemon=True).start()
    return future
