"""How much Python a piece of work runs: the same every time, where seconds are not."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def steps(work: Callable[[], object]) -> int:
    """The bytecodes that a second run runs: from 3.12 on a first one begins to be traced while it runs."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    for _ in range(2):
        count = 0
        sys.settrace(trace)
        try:
            work()
        finally:
            sys.settrace(before)
    return count
