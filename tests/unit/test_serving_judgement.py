"""When a promoted revision must go: failures, latency and refusals against those of the one before."""

import pytest

from gpu_endpoint.lifecycle.judgement import Budget, Performance, verdict
from gpu_endpoint.lifecycle.lookout import Lookout
from gpu_endpoint.residents import Outcome

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


def watching(said: list[tuple[str, str, str]], *held: str) -> Lookout:
    lookout = Lookout(BUDGET, lambda *judged: said.append(judged))
    lookout.keep([("scenes", revision) for revision in held])
    return lookout


def requests(lookout: Lookout, revision: str, *, count: int, took_s: float) -> None:
    for _ in range(count):
        lookout.ended(Outcome("embed_text", "scenes", revision, took_s, None))


@pytest.mark.parametrize(("took_s", "condemned"), [(0.9, ["new"]), (0.06, [])])
def test_what_answers_slowly_after_its_promotion_is_taken_back_once(
    took_s: float, condemned: list[str]
) -> None:
    said: list[tuple[str, str, str]] = []
    lookout = watching(said, "old", "new")
    requests(lookout, "old", count=60, took_s=0.05)
    lookout.watch("scenes", "new", instead_of="old")
    requests(lookout, "new", count=150, took_s=took_s)
    assert [revision for _, revision, _ in said] == condemned
    assert all("embed_text: the 95th percentile is 900 ms and was 50 ms" in reason for *_, reason in said)


def test_nobody_is_taken_back_who_was_not_promoted() -> None:
    said: list[tuple[str, str, str]] = []
    lookout = watching(said, "old", "other")
    requests(lookout, "old", count=60, took_s=0.05)
    requests(lookout, "other", count=150, took_s=9)
    assert said == []


def test_what_a_revision_answers_after_it_left_memory_is_no_measure_for_its_successor() -> None:
    said: list[tuple[str, str, str]] = []
    lookout = watching(said, "old", "new")
    lookout.keep([("scenes", "new")])
    requests(lookout, "old", count=60, took_s=0.05)
    lookout.watch("scenes", "new", instead_of="old")
    requests(lookout, "new", count=150, took_s=0.9)
    assert said == []
