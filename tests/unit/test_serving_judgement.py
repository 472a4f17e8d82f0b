"""When a promoted revision must go: failures, latency and refusals against those of the one before."""

import pytest

from gpu_endpoint.lifecycle.judgement import Budget, Performance, verdict

pytestmark = pytest.mark.unit

BUDGET = Budget()


def performance(*, requests: int, took_s: float = 0.05, failures: int = 0, refused: int = 0) -> Performance:
    seen = Performance()
    for _ in range(requests):
        seen.note("embed_text", took_s=took_s)
    for _ in range(failures):
        seen.note("embed_text", took_s=took_s, failed=True)
    for _ in range(refused):
        seen.note("embed_text", took_s=took_s, refused=True)
    return seen


BEFORE = performance(requests=200)


def test_what_does_as_well_as_before_may_stay() -> None:
    assert verdict(performance(requests=500), BEFORE, BUDGET) == ""


@pytest.mark.parametrize(("requests", "failures", "bad"), [(50, 2, False), (50, 3, True), (1000, 3, False)])
def test_failures_count_by_number_and_by_share(requests: int, failures: int, bad: bool) -> None:
    assert bool(verdict(performance(requests=requests, failures=failures), BEFORE, BUDGET)) is bad


@pytest.mark.parametrize(
    ("was_s", "is_s", "bad"), [(0.1, 0.29, False), (0.1, 0.31, True), (0.01, 0.2, False)]
)
def test_latency_counts_above_a_floor_and_against_the_one_before(
    was_s: float, is_s: float, bad: bool
) -> None:
    before = performance(requests=100, took_s=was_s)
    reason = verdict(performance(requests=100, took_s=is_s), before, BUDGET)
    assert bool(reason) is bad
    assert ("percentile" in reason) is bad


def test_a_few_slow_requests_are_no_judgement() -> None:
    assert verdict(performance(requests=20, took_s=9), BEFORE, BUDGET) == ""
    assert verdict(performance(requests=100, took_s=9), performance(requests=10), BUDGET) == ""
    assert verdict(performance(requests=100, took_s=9), None, BUDGET) == ""


def test_refusals_count_when_they_grow() -> None:
    busy = performance(requests=100, refused=100)
    assert verdict(performance(requests=100, refused=110), busy, BUDGET) == ""
    assert "refused" in verdict(performance(requests=100, refused=60), BEFORE, BUDGET)
