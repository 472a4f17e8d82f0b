"""The batcher: what waits is gathered, what is full is refused, what nobody wants is not run."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gpu_endpoint.batching import Batcher, Limits, Vectors
from gpu_endpoint.errors import DeadlineError, NotReadyError, OverloadedError

pytestmark = pytest.mark.unit


class Model:
    """Answers each number with itself, once the gate is open; remembers its batches."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.started = threading.Semaphore(0)
        self.batches: list[list[int]] = []

    def __call__(self, items: Sequence[int]) -> Vectors:
        self.batches.append(list(items))
        self.started.release()
        assert self.gate.wait(10)
        if -1 in items:
            raise ArithmeticError("minus one")
        return np.array(items, np.float32)[:, None]


@pytest.fixture
def model() -> Iterator[Model]:
    made = Model()
    yield made
    made.gate.set()


def run(model: Model, scenario: Callable[[Batcher], Awaitable[None]], **limits: float) -> None:
    """The scenario inside an event loop, with a batcher that is closed afterwards."""

    async def main() -> None:
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(model, executor=executor, limits=Limits(**limits))  # type: ignore[arg-type]
            try:
                await asyncio.wait_for(scenario(batcher), 20)
            finally:
                model.gate.set()
                await batcher.close()

    asyncio.run(main())


async def first_batch_runs(model: Model) -> None:
    """Returns once the model is at work."""
    await asyncio.to_thread(model.started.acquire)


def test_an_idle_lane_runs_at_once(model: Model) -> None:
    model.gate.set()

    async def scenario(batcher: Batcher) -> None:
        answer = await batcher.submit([7, 8])
        assert answer.tolist() == [[7], [8]]

    run(model, scenario, wait_s=30)
    assert model.batches == [[7, 8]]


def test_what_arrives_during_a_batch_shares_the_next(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        first = asyncio.ensure_future(batcher.submit([0]))
        await first_batch_runs(model)
        rest = [asyncio.ensure_future(batcher.submit([n, n + 10])) for n in (1, 2, 3)]
        await asyncio.sleep(0)
        model.gate.set()
        assert (await first).tolist() == [[0]]
        assert [(await one).tolist() for one in rest] == [[[n], [n + 10]] for n in (1, 2, 3)]

    run(model, scenario, max_batch=4)
    assert model.batches == [[0], [1, 11, 2, 12], [3, 13]]


def test_a_busy_lane_waits_for_a_fuller_batch(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        first = asyncio.ensure_future(batcher.submit([0]))
        await first_batch_runs(model)
        second = asyncio.ensure_future(batcher.submit([1]))
        await asyncio.sleep(0)
        model.gate.set()
        await first
        third = asyncio.ensure_future(batcher.submit([2]))
        await asyncio.gather(second, third)

    run(model, scenario, max_batch=2, wait_s=30)
    assert model.batches == [[0], [1, 2]]


def test_a_full_queue_refuses_and_keeps_what_it_has(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        first = asyncio.ensure_future(batcher.submit([0]))
        await first_batch_runs(model)
        second = asyncio.ensure_future(batcher.submit([1, 2, 3]))
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await batcher.submit([4, 5])
        model.gate.set()
        assert (await second).tolist() == [[1], [2], [3]]
        await first

    run(model, scenario, max_queued=4)


def test_a_cancelled_request_leaves_the_queue(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        first = asyncio.ensure_future(batcher.submit([0]))
        await first_batch_runs(model)
        dropped = asyncio.ensure_future(batcher.submit([1, 2]))
        kept = asyncio.ensure_future(batcher.submit([3]))
        await asyncio.sleep(0)
        dropped.cancel()
        await asyncio.gather(dropped, return_exceptions=True)
        assert len(batcher) == 1
        model.gate.set()
        await asyncio.gather(first, kept)

    run(model, scenario)
    assert model.batches == [[0], [3]]


def test_what_waited_too_long_is_answered_and_not_run(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        first = asyncio.ensure_future(batcher.submit([0]))
        await first_batch_runs(model)
        late = asyncio.ensure_future(batcher.submit([1]))
        await asyncio.sleep(0.02)
        model.gate.set()
        with pytest.raises(DeadlineError):
            await late
        await first

    run(model, scenario, deadline_s=0.01)
    assert model.batches == [[0]]


def test_a_failing_batch_fails_its_requests_and_no_others(model: Model) -> None:
    model.gate.set()

    async def scenario(batcher: Batcher) -> None:
        with pytest.raises(ArithmeticError):
            await batcher.submit([-1])
        assert (await batcher.submit([5])).tolist() == [[5]]

    run(model, scenario)


def test_closing_finishes_what_waits_and_refuses_the_rest(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        first = asyncio.ensure_future(batcher.submit([0]))
        await first_batch_runs(model)
        second = asyncio.ensure_future(batcher.submit([1]))
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(batcher.close())
        await asyncio.sleep(0)
        with pytest.raises(NotReadyError):
            await batcher.submit([2])
        model.gate.set()
        await asyncio.gather(first, second, closing)

    run(model, scenario)
    assert model.batches == [[0], [1]]
