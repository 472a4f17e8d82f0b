"""Which alerts are linked, and what an incident's alerts make of it; without a database."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from sightline.incidents.grouping import names, rules
from sightline.incidents.grouping.schemas import Facts, Settings

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def alert(**about: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "title": "It failed", "description": "", "service": None, "host": None, "environment": None,
        "entities": [], "severity": "high", "category": "other", "category_by": "rule",
        "category_confidence": 0.5,
    }  # fmt: skip
    return plain | about


def linked(
    one: dict[str, Any],
    other: dict[str, Any],
    *,
    similarity: float | None = 0.5,
    apart_s: float = 60,
    calls: tuple[tuple[str, str], ...] = (),
) -> rules.Link | None:
    """Both ways the same, or the order of arrival would matter."""
    kin, theirs = rules.kin_of(one, calls), rules.kin_of(other, calls)
    about = {"similarity": similarity, "apart_s": apart_s}
    here = rules.link(kin, keys=theirs.keys, traits=theirs.traits, **about)
    there = rules.link(theirs, keys=kin.keys, traits=kin.traits, **about)
    assert (here and here.score) == (there and there.score)
    return here


def test_a_link_says_in_words_why() -> None:
    one, other = alert(service="checkout"), alert(service="checkout-api", title="It crashed")
    found = linked(one, other, similarity=0.83, apart_s=240)
    assert found is not None
    assert found.because == ("service checkout", "0.83 similar", "4 min apart")


@pytest.mark.parametrize(
    ("one", "other", "calls"),
    [
        ({"host": "node-7:9100"}, {"host": "NODE-7"}, ()),
        ({"service": "orders-db"}, {"host": "orders-db-2"}, ()),
        ({"description": "down in eu-west-1a"}, {"title": "eu-west-1a is impaired"}, ()),
        ({"service": "a"}, {"service": "b", "description": "host a.shop.internal refused"}, ()),
        ({"service": "shop", "title": "p99 latency"}, {"service": "db"}, (("shop", "db"),)),
    ],
)
def test_what_links_beside_a_service(
    one: dict[str, Any], other: dict[str, Any], calls: tuple[tuple[str, str], ...]
) -> None:
    assert linked(alert(**one), alert(**other), similarity=0.9, calls=calls)


def test_a_name_that_could_not_be_resolved_says_nothing_of_who_fails() -> None:
    refused, unresolved = "connection refused by b.shop.internal", "getaddrinfo EAI_AGAIN b.shop.internal"
    other = alert(service="b", title="Disk is full")
    assert linked(alert(service="a", title=refused), other, similarity=0.6)
    assert not linked(alert(service="a", title=unresolved), other, similarity=0.6)


@pytest.mark.parametrize(
    ("one", "other", "more"),
    [
        ({"service": "a"}, {"service": "b"}, {}),
        ({"service": "a", "environment": "prod"}, {"service": "a", "environment": "staging"}, {}),
        ({"service": "a"}, {"service": "a"}, {"apart_s": 1200, "similarity": 0.2}),
        ({"service": "a", "severity": "low"}, {"service": "a"}, {}),
        ({"service": "On-call"}, {"service": "on call"}, {}),
        ({"service": "node-exporter"}, {"service": "node-exporter"}, {}),
        ({"title": "5xx rate", "service": "a"}, {"title": "5xx rate", "service": "b"}, {"similarity": 0.99}),
    ],
)
def test_what_does_not_link(one: dict[str, Any], other: dict[str, Any], more: dict[str, Any]) -> None:
    assert linked(alert(**one), alert(**other), **more) is None


def test_without_vectors_a_service_is_enough_for_some_minutes() -> None:
    one = alert(service="a", severity="medium")
    other = alert(service="a", severity="medium", title="It crashed")
    assert linked(one, other, similarity=None, apart_s=240)
    assert linked(one, other, similarity=None, apart_s=1100) is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("CheckoutService", "checkout"),
        ("checkout-svc", "checkout"),
        ("checkout_api", "checkout"),
        ("api-gateway", "api-gateway"),
        ("web", "web"),
        ("kube-state-metrics", ""),
        (None, ""),
    ],
)
def test_one_service_has_one_name(written: str | None, meant: str) -> None:
    assert names.service_of(written) == meant


def test_a_rule_has_one_name_whatever_it_is_about() -> None:
    one = alert(title="[Triggered] checkout is 91% full", service="checkout")
    other = alert(title="[Re-Triggered] search is 7% full", service="search")
    assert names.rule_of(one) == names.rule_of(other)


def facts(**about: Any) -> Facts:
    plain = {"alerts": 1, "firing": 1, "loud": 1, "loud_severity": "medium", "loud_since": NOON}
    return Facts(**{**plain, "quiet_since": None, "muted_until": None, **about})


@pytest.mark.parametrize(
    ("about", "settings", "told"),
    [
        ({}, Settings(), False),
        ({"loud": 2}, Settings(), True),
        ({"loud_severity": "high"}, Settings(), True),
        ({"loud_severity": "high"}, Settings(opens_at_once="critical"), False),
        ({"loud_severity": "critical"}, Settings(opens_at_once=None), False),
        ({"loud": 0, "loud_severity": None}, Settings(alerts_needed=1), False),
    ],
)
def test_when_an_incident_is_worth_telling_of(about: dict[str, Any], settings: Settings, told: bool) -> None:
    assert rules.enough(facts(**about), settings) is told


def test_it_resolves_by_itself_once_nothing_fires_for_long_enough() -> None:
    quiet = facts(firing=0, loud_since=None, quiet_since=NOON)
    assert rules.resolves_at(facts(), Settings()) is None
    assert rules.resolves_at(quiet, Settings(auto_resolve=False)) is None
    assert rules.resolves_at(quiet, Settings(resolve_after_s=60)) == NOON + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("by_person", "since", "after"),
    [(False, NOON - timedelta(hours=1), "open"), (True, NOON - timedelta(hours=1), "resolved"),
     (True, NOON + timedelta(hours=1), "open"), (False, None, "resolved")],
)  # fmt: skip
def test_what_was_resolved_goes_on(by_person: bool, since: datetime | None, after: str) -> None:
    assert rules.status_of("resolved", NOON, by_person=by_person, facts=facts(loud_since=since)) == after


def test_numbers_of_alerts_are_told_of_in_steps() -> None:
    assert [rules.step_of(alerts) for alerts in (4, 5, 19, 20, 15_000)] == [0, 5, 10, 20, 10_000]


def test_keys_do_not_depend_on_the_order_of_what_was_found() -> None:
    found = [{"label": "host", "text": name, "confidence": 0.9} for name in ("n-1", "n-2", "n-3")]
    kinds = {rules.kin_of(alert(entities=list(order))).keys for order in permutations(found)}
    assert len(kinds) == 1
