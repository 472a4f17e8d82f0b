"""Who passes by the requests that wait, and which of them he ends."""

import asyncio
from typing import Any

import pytest

from gpu_endpoint.errors import DeadlineError
from gpu_endpoint.tickets import Timing
from gpu_endpoint.visits import Patrol, Visit

pytestmark = pytest.mark.unit
MOST_S = 50.0


async def nothing_more() -> Any:
    await asyncio.Event().wait()


async def passed_by(timing: Timing, after_s: float) -> bool:
    """A request at this point of its way, that long after it began: whether its work went on to its end."""
    visit = Visit({"type": "http", "path": "/invocations", "headers": []}, nothing_more)
    visit.timing, wanted, done = timing, visit.while_wanted(Patrol(MOST_S)), asyncio.Event()
    loop = asyncio.get_running_loop()
    with wanted:
        loop.call_soon(wanted.passed, visit.began + after_s, MOST_S)
        loop.call_soon(done.set)
        await done.wait()
    return done.is_set()


@pytest.mark.parametrize("timing", [Timing(), Timing(queued=1.0, cut=2.0, done=3.0)])
def test_what_is_read_prepared_or_finished_past_its_time_is_ended(timing: Timing) -> None:
    assert asyncio.run(passed_by(timing, MOST_S - 1))
    with pytest.raises(DeadlineError, match="no answer in 50 s"):
        asyncio.run(passed_by(timing, MOST_S + 1))


@pytest.mark.parametrize("timing", [Timing(queued=1.0), Timing(queued=1.0, cut=2.0)])
def test_what_is_in_a_lane_is_left_to_it_so_that_its_model_is_judged(timing: Timing) -> None:
    assert asyncio.run(passed_by(timing, MOST_S + 1))
