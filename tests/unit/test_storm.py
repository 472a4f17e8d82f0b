"""Storms: the same by their seed, in payloads that our senders read, signed so that intake takes them."""

from collections import defaultdict
from itertools import combinations

import pytest

from client.storm import StormAlert, family, signed, storm
from client.storm.weather import APART_S
from sightline.errors import SignatureInvalidError
from sightline.incidents.rules import SCHEMES
from sightline.incidents.senders import sender
from sightline.incidents.signatures import Credentials, Delivery, verify

pytestmark = pytest.mark.unit
SECRET = "s3cret"
SEEDS = range(6)


@pytest.fixture(scope="module")
def alerts() -> list[StormAlert]:
    return [alert for seed in SEEDS for alert in storm(seed)]


def test_the_same_seed_gives_the_same_storm() -> None:
    assert storm(3) == storm(3)
    assert storm(3) != storm(4)


def test_all_five_tools_speak_and_their_payloads_are_read(alerts: list[StormAlert]) -> None:
    assert {alert.vendor for alert in alerts} == {
        "datadog",
        "sentry",
        "alertmanager",
        "grafana",
        "pagerduty",
    }
    for alert in alerts:
        read = sender(alert.vendor).read(alert.payload, {})
        assert {one.recovered for one in read} == {alert.recovers}, alert


def test_a_monitor_keeps_its_name_until_it_recovers(alerts: list[StormAlert]) -> None:
    names: dict[tuple[str, str], set[str]] = defaultdict(set)
    for alert in alerts:
        if alert.vendor != "pagerduty":  # which opens another incident each time
            read = sender(alert.vendor).read(alert.payload, {})
            names[alert.vendor, alert.monitor] |= {one.external_id for one in read}
    sizes = {key: len(found) for key, found in names.items()}
    assert max(size for (vendor, _), size in sizes.items() if vendor in ("datadog", "sentry")) == 1
    seen: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for key, found in names.items():
        for name in found:
            seen[name].add(key)
    assert max(len(keys) for keys in seen.values()) == 1


def test_intake_takes_what_is_signed_and_nothing_signed_otherwise(alerts: list[StormAlert]) -> None:
    for alert in {one.vendor: one for one in alerts}.values():
        body, headers = signed(alert, SECRET)
        delivery = Delivery(body, {name.lower(): value for name, value in headers.items()}, 0.0)
        scheme = SCHEMES.get(alert.vendor, "shared_secret")
        verify(scheme, delivery, Credentials([SECRET]), allow_unsigned=False)
        with pytest.raises(SignatureInvalidError):
            verify(scheme, delivery, Credentials(["another"]), allow_unsigned=False)


def test_one_service_is_in_two_outages_only_an_hour_apart() -> None:
    for seed in SEEDS:
        seen: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for alert in storm(seed):
            for one in sender(alert.vendor).read(alert.payload, {}) if alert.truth else ():
                if one.service in family().services:
                    seen[one.service].append((alert.truth or "", alert.at_s))
        for told in seen.values():
            for (one_truth, one_s), (other_truth, other_s) in combinations(told, 2):
                # The last alerts of an outage are up to six minutes late.
                assert one_truth == other_truth or abs(one_s - other_s) > APART_S - 360


def test_the_network_repeats_and_the_tools_flap(alerts: list[StormAlert]) -> None:
    deliveries = [alert.delivery for alert in alerts]
    assert 0.04 < 1 - len(set(deliveries)) / len(deliveries) < 0.12
    firings: dict[str, set[str]] = defaultdict(set)
    for alert in alerts:
        if alert.truth and not alert.recovers and alert.vendor == "datadog":
            firings[f"{alert.truth} {alert.monitor}"].add(alert.payload["alert_transition"])
    assert any(len(states) > 1 for states in firings.values())
    assert {alert.truth is None for alert in alerts} == {True, False}
