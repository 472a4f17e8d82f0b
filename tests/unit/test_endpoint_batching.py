"""The batcher: what waits is gathered, what would be late is refused, what nobody wants is not run."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from gpu_endpoint.batching import Batcher, Limits, Timing, Vectors
from gpu_endpoint.errors import DeadlineError, NotReadyError, OverloadedError

pytestmark = pytest.mark.unit

PATIENT = {"stretch": 1e6}


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


class ByTurns(Model):
    """Runs a batch for each turn it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = threading.Semaphore(0)

    def __call__(self, items: Sequence[int]) -> Vectors:
        self.started.release()
        assert self.turns.acquire(timeout=10)
        return np.array(items, np.float32)[:, None]


@pytest.fixture
def model() -> Iterator[Model]:
    made = Model()
    yield made
    made.gate.set()


def run(
    model: Model,
    scenario: Callable[[Batcher], Awaitable[None]],
    size: Callable[[Any], int] | None = None,
    **limits: float,
) -> None:
    """The scenario inside an event loop, with a batcher that is closed afterwards."""

    async def main() -> None:
        with ThreadPoolExecutor(1) as executor:
            chosen = Limits(**(PATIENT | limits))  # type: ignore[arg-type]
            batcher = Batcher(model, executor=executor, limits=chosen, size=size)
            try:
                await asyncio.wait_for(scenario(batcher), 20)
            finally:
                model.gate.set()
                await batcher.close()

    asyncio.run(main())


async def first_batch_runs(model: Model) -> None:
    """Returns once the model is at work."""
    await asyncio.to_thread(model.started.acquire)


async def waiting(batcher: Batcher, *requests: list[int]) -> list[asyncio.Future[Any]]:
    """The requests, in the queue."""
    futures = [asyncio.ensure_future(batcher.submit(items)) for items in requests]
    await asyncio.sleep(0)
    return futures


def test_an_idle_lane_runs_at_once(model: Model) -> None:
    model.gate.set()

    async def scenario(batcher: Batcher) -> None:
        assert (await batcher.submit([7, 8])).tolist() == [[7], [8]]
        assert (await batcher.submit([9, 10])).tolist() == [[9], [10]]

    run(model, scenario, wait_s=30, wait_share=1e9)
    assert model.batches == [[7, 8], [9, 10]]


def test_what_arrives_in_one_turn_of_the_loop_shares_a_batch(model: Model) -> None:
    model.gate.set()

    async def scenario(batcher: Batcher) -> None:
        answers = await asyncio.gather(*(batcher.submit([n]) for n in range(5)))
        assert [answer.tolist() for answer in answers] == [[[n]] for n in range(5)]

    run(model, scenario)
    assert model.batches == [[0, 1, 2, 3, 4]]


def test_what_arrives_during_a_batch_shares_the_next(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        first = asyncio.ensure_future(batcher.submit([0]))
        await first_batch_runs(model)
        rest = await waiting(batcher, [1, 11], [2, 12], [3, 13])
        model.gate.set()
        assert (await first).tolist() == [[0]]
        assert [(await one).tolist() for one in rest] == [[[n], [n + 10]] for n in (1, 2, 3)]

    run(model, scenario, max_batch=4)
    assert model.batches == [[0], [1, 11, 2, 12], [3, 13]]


def teach(batcher: Batcher, *, fixed_s: float) -> None:
    """Batches that cost so much however small they are, and as much again for ten items."""
    for items in (1, 30) * 10:
        batcher.gate.alone.note(items, fixed_s * (1 + items / 10), items=items)


def test_a_lane_waits_for_as_many_as_came_last_time(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        teach(batcher, fixed_s=20)
        [first] = await waiting(batcher, [0])
        await first_batch_runs(model)
        [second] = await waiting(batcher, [1])
        model.gate.set()
        await first
        [third] = await waiting(batcher, [2])
        await asyncio.gather(second, third)

    run(model, scenario, wait_s=30, wait_share=1e9)
    assert model.batches == [[0], [1, 2]]


def test_a_lane_does_not_wait_longer_than_a_batch_is_worth(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        teach(batcher, fixed_s=0.0001)
        [first] = await waiting(batcher, [0])
        await first_batch_runs(model)
        [second] = await waiting(batcher, [1])
        model.gate.set()
        await asyncio.gather(first, second)

    run(model, scenario, wait_s=30)
    assert model.batches == [[0], [1]]


def test_a_full_batch_is_handed_over_before_the_one_that_runs_has_ended(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        [first] = await waiting(batcher, [0])
        await first_batch_runs(model)
        rest = await waiting(batcher, [1], [2], [3])
        await asyncio.sleep(0)
        assert len(batcher) == 1, "two stand by, the third may be joined by others"
        assert not first.done()
        [*more] = await waiting(batcher, [4], [5])
        await asyncio.sleep(0)
        assert len(batcher) == 3, "one stands by, never two"
        model.gate.set()
        answers = [(await one).tolist() for one in (first, *rest, *more)]
        assert answers == [[[n]] for n in range(6)]

    run(model, scenario, max_batch=2)
    assert model.batches == [[0], [1, 2], [3, 4], [5]]


def test_a_long_batch_leaves_the_next_one_open_until_its_end_is_near(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        for items in (1, 2) * 10:
            batcher.gate.pace.note(items, 1000 * items, items=items)
        [first] = await waiting(batcher, [0])
        await first_batch_runs(model)
        large = await waiting(batcher, [1, 2, 3, 4, 5, 6])
        [small] = await waiting(batcher, [7])
        await asyncio.sleep(0)
        assert len(batcher) == 7
        model.gate.set()
        await asyncio.gather(first, small, *large)

    run(model, scenario, max_batch=4)
    assert model.batches[:2] == [[0], [1, 2, 7, 3]]


def test_what_was_handed_over_is_expected_to_end_a_whole_batch_after_the_late_one_before_it() -> None:
    model = ByTurns()

    async def scenario(batcher: Batcher) -> None:
        # GIVEN a batch that takes longer than was expected, and a full one behind it
        [first] = await waiting(batcher, [0])
        await first_batch_runs(model)
        rest = await waiting(batcher, [1], [2])
        await asyncio.sleep(0)
        assert len(batcher) == 0
        for items in (1, 2) * 10:
            batcher.gate.pace.note(items, 1000 * items, items=items)
        # WHEN the first ends, and the other begins
        model.turns.release()
        await first
        await first_batch_runs(model)
        # THEN its 2,000 s count
        with pytest.raises(OverloadedError):
            batcher.admit(1, deadline=time.monotonic() + 3000)
        batcher.admit(1, deadline=time.monotonic() + 6000)
        model.turns.release()
        await asyncio.gather(*rest)

    run(model, scenario, max_batch=2)


def test_a_huge_request_does_not_hold_a_small_one(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        [first] = await waiting(batcher, [0])
        await first_batch_runs(model)
        huge, small = await waiting(batcher, list(range(100, 116)), [1])
        model.gate.set()
        assert (await small).tolist() == [[1]]
        assert not huge.done()
        assert (await huge)[:, 0].tolist() == list(range(100, 116))
        await first

    run(model, scenario, max_batch=4)
    assert sorted(model.batches[1]) == [1, 100, 101, 102]
    assert len(model.batches) == 1 + 5


def test_a_huge_request_moves_on_beside_many_small_ones(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        [first] = await waiting(batcher, [0])
        await first_batch_runs(model)
        all_of_them = await waiting(batcher, list(range(100, 104)), *([n] for n in range(1, 9)))
        model.gate.set()
        await asyncio.gather(first, *all_of_them)

    run(model, scenario, max_batch=4)
    assert [sum(item >= 100 for item in batch) for batch in model.batches] == [0, 2, 2, 0]


def test_long_items_do_not_pad_the_short_ones(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        [first] = await waiting(batcher, [1])
        await first_batch_runs(model)
        rest = await waiting(batcher, [2000, 3], [4], [5], [1999])
        model.gate.set()
        answers = await asyncio.gather(first, *rest)
        assert answers[1].tolist() == [[2000], [3]]

    run(model, scenario, size=int, max_size=5000)
    assert [sorted(batch) for batch in model.batches] == [[1], [3, 4, 5], [1999, 2000]]


def test_a_batch_is_bounded_in_size_and_takes_one_item_whatever_its_size(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        [first] = await waiting(batcher, [1])
        await first_batch_runs(model)
        rest = await waiting(batcher, [400, 400, 400], [9000])
        model.gate.set()
        await asyncio.gather(first, *rest)

    run(model, scenario, size=int, max_size=1000)
    assert sorted(map(sorted, model.batches)) == [[1], [400], [400, 400], [9000]]


def test_a_full_queue_refuses_and_keeps_what_it_has(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        [first] = await waiting(batcher, [0])
        await first_batch_runs(model)
        [second] = await waiting(batcher, [1, 2, 3])
        with pytest.raises(OverloadedError) as refusal:
            await batcher.submit([4, 5])
        assert refusal.value.retry_after_s is not None
        model.gate.set()
        assert (await second).tolist() == [[1], [2], [3]]
        await first

    run(model, scenario, max_queued=4)


def test_room_that_is_kept_counts_as_taken(model: Model) -> None:
    model.gate.set()

    async def scenario(batcher: Batcher) -> None:
        with batcher.room(3):
            with pytest.raises(OverloadedError):
                batcher.admit(2)
            batcher.admit(1)
        batcher.admit(4)

    run(model, scenario, max_queued=4)


def test_a_cancelled_request_leaves_the_queue(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        [first] = await waiting(batcher, [0])
        await first_batch_runs(model)
        dropped, kept = await waiting(batcher, [1, 2], [3])
        dropped.cancel()
        await asyncio.gather(dropped, return_exceptions=True)
        assert len(batcher) == 1
        model.gate.set()
        await asyncio.gather(first, kept)

    run(model, scenario)
    assert model.batches == [[0], [3]]


def test_a_deadline_is_kept_while_a_batch_runs(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        [first] = await waiting(batcher, [0])
        await first_batch_runs(model)
        with pytest.raises(DeadlineError):
            await batcher.submit([1], deadline=time.monotonic() + 0.01)
        assert not first.done()
        model.gate.set()
        await first

    run(model, scenario)
    assert model.batches == [[0]]


@pytest.mark.parametrize("own_s", [None, 20.0])
def test_no_deadline_is_later_than_the_lane_s(model: Model, own_s: float | None) -> None:
    async def scenario(batcher: Batcher) -> None:
        deadline = None if own_s is None else time.monotonic() + own_s
        with pytest.raises(DeadlineError):
            await batcher.submit([0], deadline=deadline)
        model.gate.set()

    run(model, scenario, deadline_s=0.01)


def test_a_failing_request_does_not_take_its_neighbours_along(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        [first] = await waiting(batcher, [0])
        await first_batch_runs(model)
        good, bad, other = await waiting(batcher, [5], [6, -1], [7])
        model.gate.set()
        with pytest.raises(ArithmeticError):
            await bad
        assert (await good).tolist() == [[5]]
        assert (await other).tolist() == [[7]]
        with pytest.raises(ArithmeticError):
            await batcher.submit([-1])
        assert (await batcher.submit([8])).tolist() == [[8]]
        await first

    run(model, scenario)


def test_a_model_that_answers_too_few_rows_is_found_out() -> None:
    async def main() -> None:
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(lambda items: items[1:], executor=executor, limits=Limits())
            with pytest.raises(RuntimeError, match="1 rows for 2 items"):
                await batcher.submit([1, 2])
            await batcher.close()

    asyncio.run(main())


def test_rows_that_are_no_arrays_come_back_in_order() -> None:
    async def main() -> None:
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(
                lambda items: [{"was": item} for item in items], executor=executor, limits=Limits(), size=int
            )
            assert await batcher.submit([3, 1, 2]) == [{"was": 3}, {"was": 1}, {"was": 2}]
            assert await batcher.submit([]) == []
            await batcher.close()

    asyncio.run(main())


def test_the_stages_of_a_request_are_timed(model: Model) -> None:
    model.gate.set()

    async def scenario(batcher: Batcher) -> None:
        timing = Timing()
        await batcher.submit([1, 2, 3], timing=timing)
        assert timing.batch == 2
        assert 0 <= timing.wait_s < 10
        assert 0 < timing.forward_s < 10

    run(model, scenario, max_batch=2)


def test_closing_finishes_what_waits_and_refuses_the_rest(model: Model) -> None:
    async def scenario(batcher: Batcher) -> None:
        [first] = await waiting(batcher, [0])
        await first_batch_runs(model)
        [second] = await waiting(batcher, [1])
        closing = asyncio.ensure_future(batcher.close())
        await asyncio.sleep(0)
        with pytest.raises(NotReadyError):
            await batcher.submit([2])
        model.gate.set()
        await asyncio.gather(first, second, closing)

    run(model, scenario)
    assert model.batches == [[0], [1]]
