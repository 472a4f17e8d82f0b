"""What an incident's alerts make of it, and by which names alerts are compared; without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sightline.incidents.grouping import names, rules
from sightline.incidents.grouping.schemas import Facts, Settings

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


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


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("[Triggered on {service:event-bus}] queue is long", "queue is long"),
        ("[P2] [Warn on {host:a}] disk is full", "disk is full"),
        ("[FIRING:1] CertificateExpires", "CertificateExpires"),
        ("[redis] evictions", "[redis] evictions"),
        ("[Resolved]", "[Resolved]"),
    ],
)
def test_an_incident_is_not_called_by_the_state_of_one_alert(said: str, title: str) -> None:
    assert names.title_of(said) == title


def test_a_rule_has_one_name_whatever_it_is_about() -> None:
    plain = {"description": "", "host": None, "entities": []}
    one = plain | {"title": "[Triggered] checkout is 91% full", "service": "checkout"}
    other = plain | {"title": "[Re-Triggered] search is 7% full", "service": "search"}
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
