"""Which alerts are one incident: what speaks for two, and what is made of all pairs; without a database."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from pgvector import HalfVector

from sightline.incidents.grouping.clustering import FITS, LARGE, fit, groups_of
from sightline.incidents.grouping.evidence import FEATURES, Evidence, compared, evidence
from sightline.incidents.grouping.family import AGAIN, FIRST, clusters
from sightline.incidents.grouping.learned import LEARNED
from sightline.incidents.grouping.topology import calls_of, topology_of
from sightline.incidents.grouping.voices import asks_of, keys_of, voice_of

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MAP = {"web": ["checkout", "search"], "checkout": ["cart"], "cart": ["cart-db"], "loans": ["cart-db"]}
TOPOLOGY = topology_of(calls_of(MAP))
NO_MAP = topology_of(())


def alert(after_s: float = 0, *, words: int = 0, **about: Any) -> dict[str, Any]:
    """words: alerts with the same number say the same, others hardly anything similar."""
    vector = np.zeros(384)
    vector[[0, words + 1]] = 0.3, 0.954
    plain: dict[str, Any] = {
        "id": uuid4(), "source_id": "s", "external_id": uuid4().hex, "title": f"It failed: {uuid4().hex}",
        "description": "", "service": None, "host": None, "environment": None, "entities": [],
        "severity": "high", "category": "other", "vector": HalfVector(vector), "incident_id": None,
        "held": False, "occurred_at": NOON + timedelta(seconds=after_s), "recovered_at": None,
        "last_occurred_at": NOON + timedelta(seconds=after_s),
    }  # fmt: skip
    return plain | about


def between(one: dict[str, Any], other: dict[str, Any], topology: Any = TOPOLOGY) -> Evidence:
    """Both ways the same, or the order of arrival would matter."""
    here, there = voice_of(one, topology), voice_of(other, topology)
    found = evidence(here, there, topology)
    assert found == evidence(there, here, topology)
    return found


def found(*rows: dict[str, Any], topology: Any = TOPOLOGY, parted: frozenset[UUID] = frozenset()) -> Any:
    """What becomes of alerts: sets of their places."""

    def may_join(ones: frozenset[UUID], others: frozenset[UUID]) -> bool:
        return not (ones & parted and others & parted)

    began = sorted(rows, key=lambda row: (row["occurred_at"], row["external_id"]))
    made = clusters(began, topology, reopen_s=1800, may_join=may_join)
    places = {row["id"]: place for place, row in enumerate(rows)}
    return {frozenset(places[row["id"]] for row in cluster.rows) for cluster in made}


def test_an_alert_that_says_something_else_later_is_compared_anew() -> None:
    one, other = alert(service="cart"), alert(30, service="cart")
    before = between(one, other).points
    assert between(one, other | {"severity": "low"}).points < before
    assert between(one, other | {"category": "network"}).points < before
    assert between(one, other | {"service": "loans"}).points < before
    assert between(one, other).points == before


def test_evidence_says_in_words_what_two_have_in_common() -> None:
    one = alert(service="checkout", words=1)
    assert between(one, alert(240, service="checkout-api", words=1)).because == (
        "service checkout", "1.00 similar", "4 min apart")  # fmt: skip
    assert "checkout depends on cart" in between(one, alert(service="cart")).because
    assert "checkout depends on it by cart" in between(one, alert(service="cart-db")).because
    assert "both depend on cart-db" in between(alert(service="loans"), alert(service="cart")).because


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"host": "node-7:9100"}, {"host": "NODE-7"}),
        ({"service": "orders-db"}, {"host": "orders-db-2"}),
        ({"description": "down in eu-west-1a"}, {"title": "eu-west-1a is impaired"}),
        ({"service": "a"}, {"service": "b", "description": "host a.shop.internal refused"}),
        ({"service": "checkout"}, {"service": "cart"}),
        ({"service": "loans-core"}, {"service": "loans"}),
    ],
)
def test_what_two_name_speaks_for_one_outage(one: dict[str, Any], other: dict[str, Any]) -> None:
    named = between(alert(**one, words=1), alert(**other, words=2)).points
    assert named > between(alert(words=1), alert(words=2)).points + 0.5


def test_what_begins_later_says_other_things_or_is_minor_speaks_less() -> None:
    one = alert(service="checkout")
    near = between(one, alert(60, service="cart")).points
    assert near > between(one, alert(600, service="cart")).points
    assert near > between(one, alert(60, service="cart", words=1)).points
    assert near > between(one, alert(60, service="cart", severity="low")).points
    apart = between(one, alert(60, service="search", words=1)).points
    assert between(one, alert(60, service="cart", words=1)).points > apart


def test_a_caller_that_fails_first_did_not_fail_of_what_it_calls() -> None:
    below, above = alert(60, service="cart"), alert(120, service="checkout")
    assert (
        between(below, above).points
        > between(alert(120, service="cart"), alert(60, service="checkout")).points
    )


def test_the_same_rule_at_another_service_at_once_is_rather_one_cause_than_minutes_later() -> None:
    one, other = (alert(service=name, title="Rate exceeded") for name in ("search", "cart"))
    values = [
        compared(
            *(voice_of(row, TOPOLOGY) for row in (one, other | {"occurred_at": NOON + later})), TOPOLOGY
        )[0]
        for later in (timedelta(0), timedelta(minutes=2, seconds=30), timedelta(minutes=6))
    ]
    assert [found["same rule at once"] for found in values] == [1.0, 0.5, 0.0]


def test_what_reads_like_housekeeping_belongs_to_less() -> None:
    symptom, chore = (
        alert(service="checkout", vector=HalfVector(toward * LEARNED.routine)) for toward in (-1.0, 1.0)
    )
    here, there = (voice_of(row, TOPOLOGY) for row in (symptom, chore))
    assert here.routine < LEARNED.routine_of(None) < there.routine
    values, _ = compared(here, there, TOPOLOGY)
    assert (values["routine"], values["both routine"]) == (there.routine, here.routine)
    assert LEARNED.pairs["routine"] + LEARNED.pairs["both routine"] < 0


def test_every_feature_has_a_weight_and_every_weight_a_feature() -> None:
    assert set(FEATURES) == set(LEARNED.pairs)
    assert LEARNED.routine.shape == (384,)


def test_a_name_that_could_not_be_resolved_says_nothing_of_who_fails() -> None:
    refused, unresolved = "connection refused by b.shop.internal", "getaddrinfo EAI_AGAIN b.shop.internal"
    other = alert(service="b", title="Disk is full")
    named = between(alert(service="a", title=refused), other, NO_MAP)
    assert named.points > between(alert(service="a", title=unresolved), other, NO_MAP).points


def test_an_alert_is_found_by_what_it_shares_with_another() -> None:
    for one, other in [("checkout", "cart-db"), ("web", "cart"), ("loans", "cart"), ("cart", "cart")]:
        here, there = (voice_of(alert(service=name), TOPOLOGY) for name in (one, other))
        assert set(asks_of(here, TOPOLOGY)) & set(keys_of(there))
        assert set(asks_of(there, TOPOLOGY)) & set(keys_of(here))
    staging = voice_of(alert(service="cart", environment="staging"), TOPOLOGY)
    assert not set(asks_of(staging, TOPOLOGY)) & set(keys_of(voice_of(alert(service="cart"), TOPOLOGY)))


def test_keys_do_not_depend_on_the_order_of_what_was_found() -> None:
    hosts = [{"label": "host", "text": name, "confidence": 0.9} for name in ("n-1", "n-2", "n-3")]
    kinds = {tuple(keys_of(voice_of(alert(entities=list(order)), TOPOLOGY))) for order in permutations(hosts)}
    assert len(kinds) == 1


def test_an_outage_is_one_incident_and_what_is_apart_is_another() -> None:
    outage = [alert(20 * place, service=name) for place, name in enumerate(("cart-db", "cart", "checkout"))]
    assert found(*outage, alert(30, service="search", words=2)) == {frozenset({0, 1, 2}), frozenset({3})}


def test_environments_share_nothing() -> None:
    one, other = alert(service="cart"), alert(service="cart", environment="staging")
    assert len(found(one, other)) == 2


def test_one_chance_alert_between_two_outages_does_not_make_them_one() -> None:
    points = np.full((9, 9), -3.0)
    points[:4, :4] = points[5:, 5:] = 3.0
    points[4, 0] = points[0, 4] = points[4, 5] = points[5, 4] = FITS + 0.1
    assert [set(group.members) - {4} for group in groups_of(points, [None] * 9)] == [
        {0, 1, 2, 3},
        {5, 6, 7, 8},
    ]


def test_large_incidents_must_fit_better_than_single_alerts() -> None:
    points = np.full((8, 8), 1.0)
    assert fit(points, [0], [1, 2, 3]) == 1.0
    assert fit(points, [0, 1, 2, 3], [4, 5, 6, 7]) == pytest.approx(1.0 - 2 * LARGE)


def test_two_incidents_that_fit_become_one_when_it_is_seen() -> None:
    points = np.full((3, 3), 3.0)
    points[0, 1] = points[1, 0] = -1.0
    assert [group.members for group in groups_of(points, [None] * 3)] == [[0, 1, 2]]


def test_what_fires_again_soon_is_the_same_alert() -> None:
    over = {"recovered_at": NOON + timedelta(minutes=40)}
    first, again = (
        alert(service="cart", external_id="a", **over),
        alert(3600, service="cart", external_id="a"),
    )
    assert found(first, again) == {frozenset({0, 1})}
    (cluster,) = clusters([first, again], TOPOLOGY, reopen_s=1800, may_join=lambda _, __: True)
    assert [cluster.because[row["id"]]["because"][0] for row in (first, again)] == [
        FIRST["because"][0],
        AGAIN,
    ]
    later = alert(8000, service="cart", external_id="a")
    assert len(found(first, later)) == 2


def test_what_a_person_put_apart_or_together_stays() -> None:
    one, other = uuid4(), uuid4()
    here = alert(service="cart", incident_id=one, held=True)
    there = alert(10, service="cart", incident_id=other, held=True)
    new = alert(15, service="cart")
    parted = found(here, there, new, parted=frozenset({one, other}))
    assert sorted(map(len, parted)) == [1, 2]
    assert found(here, there, new) == {frozenset({0, 1, 2})}
    far = alert(20, service="search", words=3, incident_id=one, held=True)
    assert found(here, far) == {frozenset({0, 1})}
