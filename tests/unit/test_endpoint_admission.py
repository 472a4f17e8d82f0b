"""Who may wait: learned batch times, predicted answers, and when the others should come back."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_endpoint.admission import MAX_RETRY_S, Gate, Limits, Queue, Work
from gpu_endpoint.cutting import Parcel, cut
from gpu_endpoint.errors import BodyTooLargeError, DeadlineError, OverloadedError
from gpu_endpoint.pace import Pace

pytestmark = pytest.mark.unit

FIXED_S, ITEM_S = 0.008, 0.0003
FULL_S = FIXED_S + 32 * ITEM_S


def learned(*sizes: int, fixed_s: float = FIXED_S, item_s: float = ITEM_S, noise: float = 0.0) -> Pace:
    pace, chance = Pace(), random.Random(1)
    for size in sizes:
        pace.note(size, (fixed_s + item_s * size) * (1 + noise * chance.uniform(-1, 1)), items=size)
    return pace


def gate(**limits: float) -> Gate:
    """Of a lane whose batches cost 8 ms and 0.3 ms an item, and that knows it."""
    made = Gate(Limits(**limits), clock=lambda: 0.0)  # type: ignore[arg-type]
    made.pace = made.alone = learned(*[1, 32, 8, 16] * 5)
    return made


def parcels(*counts: int) -> list[Parcel]:
    return [Parcel([0] * count) for count in counts]


def refusal(
    asked: Gate, items: int, waiting: Sequence[Parcel] = (), **given: float
) -> OverloadedError | None:
    options = {"busy_s": 0.0, "deadline_s": None, "promised": 0} | given
    size = sum(map(len, waiting))
    queue = Queue(size, size, waiting, int(options.pop("promised") or 0))
    try:
        asked.admit(Work(items, items), queue, **options)  # type: ignore[arg-type]
    except OverloadedError as error:
        return error
    return None


def test_fixed_cost_and_slope_are_told_apart() -> None:
    pace = learned(*[1, 32, 8, 16, 27] * 6, noise=0.1)
    assert pace.fixed_s == pytest.approx(FIXED_S, rel=0.15)
    assert pace.slope_s == pytest.approx(ITEM_S, rel=0.25)
    assert pace.expect(64, batches=2) == pytest.approx(2 * FULL_S, rel=0.15)
    assert pace.waste_s == pace.fixed_s
    assert pace.spare_size == pytest.approx(FIXED_S / ITEM_S, rel=0.4)


def test_before_sizes_vary_the_dearer_reading_counts() -> None:
    pace = learned(8, 8, 8)
    took_s = FIXED_S + 8 * ITEM_S
    assert pace.expect(2) == pytest.approx(took_s)
    assert pace.expect(16) == pytest.approx(2 * took_s)
    assert Pace().expect(16) == 0


def test_a_line_once_learned_is_scaled_while_sizes_stay_the_same() -> None:
    pace = learned(*[1, 32] * 10)
    for _ in range(100):
        pace.note(32, 2 * FULL_S, items=32)
    assert pace.expect(32) == pytest.approx(2 * FULL_S, rel=0.1)


def test_one_stall_does_not_close_the_gate() -> None:
    pace = learned(*[1, 32] * 10)
    pace.note(32, 10.0, items=32)
    assert pace.expect(32) < 2 * FULL_S


@given(st.lists(st.tuples(st.integers(1, 300), st.floats(1e-6, 5)), min_size=1, max_size=60))
def test_whatever_was_measured_costs_are_never_negative(batches: list[tuple[int, float]]) -> None:
    pace = Pace()
    for size, took_s in batches:
        pace.note(size, took_s, items=size)
    for size in (1, 10, 1000):
        assert pace.expect(size) >= 0
        assert pace.expect(size + 1) >= pace.expect(size) - 1e-12
    assert pace.full_s(32) > 0


def test_a_lane_that_knows_nothing_admits_by_count_alone() -> None:
    new = Gate(Limits(max_queued=10))
    assert refusal(new, 10) is None
    assert refusal(new, 6, parcels(5)) is not None


def test_what_no_lane_could_ever_take_is_not_told_to_come_back() -> None:
    for asked in (Gate(Limits(max_queued=10)), gate(max_queued=10)):
        for waiting in ([], parcels(5)):
            with pytest.raises(BodyTooLargeError, match="takes 10: send fewer or shorter") as refused:
                refusal(asked, 11, waiting)
            assert not refused.value.retryable
            assert refused.value.retry_after_s is None


def test_who_names_no_deadline_waits_at_most_twice_a_full_batch() -> None:
    asked = gate()
    assert refusal(asked, 1, busy_s=FULL_S) is None
    assert refusal(asked, 8, parcels(8, 8), busy_s=0.8 * FULL_S) is None
    assert refusal(asked, 8, parcels(8, 8, 8, 8), busy_s=0.8 * FULL_S) is not None
    assert refusal(asked, 256) is None, "its own size is not held against it"


def test_an_idle_lane_refuses_nobody_who_does_not_hurry() -> None:
    asked = gate()
    asked.pace = learned(*[1, 32] * 10, fixed_s=5.0)  # the machine is busy with other things
    assert refusal(asked, 1) is None
    assert refusal(asked, 1, busy_s=2.0) is None
    assert refusal(asked, 1, deadline_s=1.0) is not None


def test_a_stated_deadline_decides_instead() -> None:
    asked, queue = gate(), parcels(*[32] * 10)
    assert refusal(asked, 32, queue) is not None
    assert refusal(asked, 32, queue, deadline_s=1.0) is None
    assert refusal(asked, 32, queue, deadline_s=0.1) is not None
    assert refusal(asked, 1, deadline_s=0.001) is not None


@pytest.mark.parametrize("asked", [gate(), gate(max_queued=10), Gate(Limits())])
def test_who_waits_no_longer_is_not_told_to_come_back_when_there_is_room(asked: Gate) -> None:
    with pytest.raises(DeadlineError):
        refusal(asked, 1, parcels(256), busy_s=FULL_S, deadline_s=0.0)


def test_a_small_request_is_judged_by_what_runs_before_it() -> None:
    asked, queue = gate(), parcels(256, 256)
    assert refusal(asked, 1, queue, busy_s=FULL_S / 2) is None
    assert refusal(asked, 256, queue, busy_s=FULL_S / 2) is not None


def test_a_huge_request_turns_no_small_one_away() -> None:
    asked = gate()
    asked.pace = learned(
        *[1, 2, 3] * 10
    )  # nothing large was run of late, and the huge one is dearer than known
    assert refusal(asked, 1, parcels(256), busy_s=20 * FULL_S) is None
    assert refusal(asked, 1, [*parcels(256), *parcels(*[1] * 15)], busy_s=FULL_S) is None
    assert refusal(asked, 1, [*parcels(256), *parcels(*[1] * 40)], busy_s=FULL_S) is not None, "this is load"
    assert refusal(asked, 1, parcels(256), busy_s=FULL_S, deadline_s=FULL_S) is not None


def test_room_kept_for_others_counts() -> None:
    asked = gate()
    assert refusal(asked, 8, promised=8) is None
    assert refusal(asked, 8, promised=128) is not None


def test_those_turned_away_are_given_places_one_after_the_other() -> None:
    asked, queue = gate(), parcels(*[32] * 20)
    said = [refusal(asked, 32, queue) for _ in range(50)]
    times_s = [error.retry_after_s for error in said if error and error.retry_after_s]
    assert len(times_s) == 50
    assert times_s == sorted(times_s)
    assert times_s[-1] - times_s[0] == pytest.approx(49 * FULL_S, rel=0.3)
    assert times_s[0] >= 20 * FULL_S * 0.8
    for _ in range(5000):
        last = refusal(asked, 32, queue)
    assert last
    assert last.retry_after_s == MAX_RETRY_S


def run_all(queue: list[Parcel], max_items: int) -> list[list[int]]:
    """The batches that such a queue makes: the places of the parcels they take from."""
    batches = []
    while waiting := [parcel for parcel in queue if len(parcel)]:
        taken = cut(waiting, max_items=max_items).taken
        assert 0 < len(taken) <= max_items
        batches.append([queue.index(parcel) for parcel, _ in taken])
    return batches


@given(st.lists(st.integers(1, 90), min_size=1, max_size=12), st.integers(1, 40))
def test_every_item_runs_once_and_the_oldest_always_moves(counts: list[int], max_items: int) -> None:
    queue = parcels(*counts)
    left = list(counts)
    for batch in run_all(queue, max_items):
        oldest = next(place for place, count in enumerate(left) if count)
        assert batch.count(oldest) >= min(left[oldest], max(1, max_items // 2))
        for place in batch:
            left[place] -= 1
    assert set(left) == {0}


@given(st.lists(st.integers(1, 500), min_size=1, max_size=60), st.integers(0, 2000))
def test_a_batch_keeps_to_its_size_and_wastes_little(sizes: list[int], max_size: int) -> None:
    queue = [Parcel([0], [size]) for size in sizes]
    while waiting := [parcel for parcel in queue if len(parcel)]:
        batch = cut(waiting, max_items=32, max_size=max_size)
        assert len(batch.taken) == 1 or not max_size or batch.padded <= max_size
        assert len(batch.taken) == 1 or batch.padded <= 1.5 * batch.total
