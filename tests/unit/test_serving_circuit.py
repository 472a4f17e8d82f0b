"""The circuit breaker: closed, open, half-open; what opens it, and what closes it again."""

import pytest

from sightline.providers.circuit import Circuit, Limits

pytestmark = pytest.mark.unit

LIMITS = Limits(failures=3, silences=2, open_s=2, longest_s=10, probe_s=70)


def opened(*, at: float = 0.0) -> Circuit:
    """A circuit that has just opened."""
    circuit = Circuit(LIMITS)
    for _ in range(3):
        assert circuit.wait_s(at) == 0
        circuit.failed(at, began=at)
    return circuit


def test_failures_in_a_row_open_it() -> None:
    circuit = opened()
    assert circuit.wait_s(0.5) == 1.5


def test_silence_opens_it_sooner_than_failures_do() -> None:
    circuit = Circuit(LIMITS)
    circuit.failed(0, began=0, silent=True)
    assert circuit.wait_s(0) == 0
    circuit.failed(0, began=0, silent=True)
    assert circuit.wait_s(0) == 2


def test_a_success_between_two_silences_keeps_it_closed() -> None:
    circuit = Circuit(LIMITS)
    for _ in range(5):
        circuit.failed(0, began=0, silent=True)
        circuit.succeeded()
    assert circuit.wait_s(0) == 0


def test_failures_with_a_success_between_do_not() -> None:
    circuit = Circuit(LIMITS)
    for _ in range(10):
        circuit.failed(0, began=0)
        circuit.failed(0, began=0)
        circuit.succeeded()
    assert circuit.wait_s(0) == 0


def test_half_open_lets_one_through_and_no_other() -> None:
    circuit = opened()
    assert circuit.wait_s(2.0) == 0, "the probe"
    assert circuit.wait_s(2.1) > 0, "the next one waits for what becomes of it"


def test_a_probe_that_succeeds_closes_it() -> None:
    circuit = opened()
    assert circuit.wait_s(2.0) == 0
    circuit.succeeded()
    assert circuit.wait_s(2.1) == 0
    circuit.failed(2.2, began=2.2)
    assert circuit.wait_s(2.3) == 0, "it counts from nought again"


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_a_limit() -> None:
    circuit, now, waits = opened(), 2.0, []
    for _ in range(4):
        assert circuit.wait_s(now) == 0
        circuit.failed(now, began=now)
        waits.append(circuit.wait_s(now))
        now += waits[-1]
    assert waits == [4, 8, 10, 10]


@pytest.mark.parametrize("began", [-1.0, 0.0])
def test_what_began_before_it_opened_says_nothing_new(began: float) -> None:
    circuit = opened(at=0)
    circuit.failed(0.5, began=began)
    assert circuit.wait_s(0.5) == 1.5, "open as long as it was"
    assert circuit.wait_s(2.0) == 0, "the probe"
    circuit.failed(2.1, began=began, silent=True)
    assert circuit.wait_s(2.2) == pytest.approx(69.8), "what becomes of the probe decides"
    circuit.succeeded()
    circuit.failed(2.3, began=began, silent=True)
    circuit.failed(2.4, began=began, silent=True)
    assert circuit.wait_s(2.5) == 0, "nor once it is closed"


def test_a_probe_that_never_comes_back_is_taken_for_lost() -> None:
    circuit = opened()
    assert circuit.wait_s(2.0) == 0
    assert circuit.wait_s(71.9) > 0
    assert circuit.wait_s(72.0) == 0, "another probe"
