"""What a summary is written from: facts that read well, rest on alerts, and claim no cause."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.incidents.citations import verified
from sightline.incidents.summaries import rules
from sightline.incidents.summaries.wording import line_of
from sightline.ports.writing import Passage, Sentence
from sightline.providers.writer_extractive import ExtractiveWriter

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def alert(number: int, title: str, minute: float = 0, **more: Any) -> dict[str, Any]:
    row = {
        "id": UUID(int=number),
        "source_id": "s",
        "external_id": str(number),
        "title": title,
        "description": "",
        "platform": "datadog",
        "severity": "medium",
        "category": "errors",
        "service": None,
        "host": None,
        "environment": "production",
        "entities": [],
        "status": "firing",
        "occurrences": 1,
        "occurred_at": NOON + timedelta(minutes=minute),
        "recovered_at": None,
    }
    return row | more


def incident(alerts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    firing = sum(one["status"] == "firing" for one in alerts)
    row = {"number": 12, "severity": "critical", "environment": "production", "status": "open"}
    return row | {"alert_count": len(alerts), "firing_count": firing} | more


def said(alerts: list[dict[str, Any]], changes: list[dict[str, Any]] | None = None) -> list[str]:
    return [fact.text for fact in rules.facts(incident(alerts), alerts, changes or [])]


OUTAGE = [
    alert(1, "Deploy of checkout v2.19", -2, category="deployment", platform="github", service="checkout"),
    alert(2, "[Triggered] p99 latency is high", 3, service="checkout", severity="high", occurrences=14),
    alert(3, "Payments fail", 5, service="payments", severity="critical", platform="sentry", host="db-1"),
    alert(4, "Connections of db-1 are used up", 7, service="db", host="db-1"),
]


def test_an_outage_reads_like_a_colleague_telling_of_it() -> None:
    assert said(OUTAGE) == [
        "INC-12 is critical: 4 alerts of checkout, payments and db in production since 11:58 UTC on"
        " 20 November 2026, from github, datadog and sentry.",
        "4 of 4 alerts still fire; the newest alert began at 12:07 UTC.",
        'It was preceded by a change: "Deploy of checkout v2.19" (checkout, github) at 11:58 UTC, 5 min'
        ' before "p99 latency is high".',
        'The gravest is "Payments fail" (payments, sentry), critical since 12:05 UTC.',
        "By service, checkout came first at 11:58 UTC; then payments at 12:05 UTC, db at 12:07 UTC.",
        '"p99 latency is high" (checkout, datadog) was sent 14 times.',
        "Several alerts name the same: host db-1 in 2 alerts.",
    ]


def test_no_fact_is_left_out_for_naming_what_another_names() -> None:
    told = said(OUTAGE)
    passages = [Passage(str(number), text) for number, text in enumerate(told)]
    quoted = ExtractiveWriter().write("summary", question="?", passages=passages, max_sentences=len(told))
    assert [one.text for one in quoted] == told


def test_a_resolved_incident_was() -> None:
    (first, *_) = rules.facts(incident(OUTAGE, status="resolved"), OUTAGE, [])
    assert first.text.startswith("INC-12 was critical: ")


def test_every_fact_rests_on_alerts_that_show_it() -> None:
    facts = {fact.text.split()[0]: fact.alert_ids for fact in rules.facts(incident(OUTAGE), OUTAGE, [])}
    assert facts["INC-12"] == tuple(UUID(int=number) for number in (1, 2, 3, 4))
    assert facts["Several"] == (UUID(int=3), UUID(int=4))
    assert [fact.alert_ids for fact in rules.facts(incident(OUTAGE), OUTAGE, [])][2] == (
        UUID(int=1),
        UUID(int=2),
    )


def test_what_is_over_is_said_to_be_over() -> None:
    over = [{**one, "status": "recovered", "recovered_at": NOON + timedelta(minutes=40)} for one in OUTAGE]
    assert "All 4 alerts have recovered, the last at 12:40 UTC, 42 min after the first began." in said(over)
    lone = [alert(1, "Disk is full", status="recovered", recovered_at=NOON + timedelta(seconds=50))]
    assert said(lone)[1] == "It has recovered, the last at 12:00 UTC, 50 s after the first began."


def test_a_deployment_outside_of_the_incident_is_named_if_it_came_before() -> None:
    before = alert(9, "Rollout of payments 7", -30, category="deployment", service="payments")
    after = alert(8, "Rollout of payments 8", 30, category="deployment", service="payments")
    texts = said(OUTAGE[1:], [before, after])
    assert any(
        '"Rollout of payments 7" (payments, datadog) at 11:30 UTC, 33 min before' in one for one in texts
    )
    assert not any("payments 8" in one for one in texts)


def test_what_flaps_is_said_to_flap() -> None:
    flaps = [alert(number, "Queue is long", number, external_id="q") for number in range(1, 5)]
    assert '"Queue is long" (datadog) flaps: it began 4 times.' in said(flaps)


def test_it_begins_with_the_first_alert_that_is_no_deployment() -> None:
    assert 'The first alert was "p99 latency is high" (checkout, datadog) at 12:03 UTC.' in said(OUTAGE[1:])


def test_many_services_are_counted() -> None:
    many = [alert(number, f"Alert {number}", number, service=f"s{number}") for number in range(1, 8)]
    assert "7 alerts of s1, s2, s3 and 4 more in production" in said(many)[0]


def test_one_alert_is_two_sentences() -> None:
    assert len(said([alert(1, "Disk is full", service="db")])) == 2
    assert said([]) == []


TITLES = st.text(min_size=1, max_size=80)


@given(st.lists(st.tuples(TITLES, st.sampled_from(["errors", "deployment"]), TITLES), min_size=1, max_size=6))
def test_whatever_alerts_are_called_all_of_it_is_quoted_holds_and_names_no_cause_of_ours(
    called: list[tuple[str, str, str]],
) -> None:
    alerts = [
        alert(number, title, number, category=category, service=service)
        for number, (title, category, service) in enumerate(called, start=1)
    ]
    facts = rules.facts(incident(alerts), alerts, [])
    passages = [Passage(str(number), fact.text) for number, fact in enumerate(facts)]
    quoted = ExtractiveWriter().write("summary", question="?", passages=passages, max_sentences=len(facts))
    kept, dropped = verified(quoted, passages)
    assert dropped == []
    assert kept
    ours = " ".join(re.sub(r'"[^"]*"', "", rules.facts(incident(OUTAGE), OUTAGE, [])[2].text).split())
    assert not re.search(r"caus|because|due to|led to", ours)
    for one in alerts:
        assert "\n" not in line_of(one)


@pytest.mark.parametrize(
    ("kind", "before", "after", "because"),
    [
        ("opened", {}, {}, "opened"),
        ("alerts_reached", {}, {"step": 5}, "alerts_reached"),
        ("severity_changed", {"severity": "low"}, {"severity": "high"}, "severity_changed"),
        ("severity_changed", {"severity": "high"}, {"severity": "low"}, None),
        ("status_changed", {"status": "open"}, {"status": "investigating"}, None),
        ("status_changed", {"status": "open"}, {"status": "resolved"}, "status_changed"),
        ("summarised", {}, {}, None),
        ("owner_changed", {"owner": None}, {"owner": "ann"}, None),
        ("alert_joined", {}, {}, None),
    ],
)
def test_what_calls_for_a_summary(
    kind: str, before: dict[str, Any], after: dict[str, Any], because: str | None
) -> None:
    event = {"kind": kind, "before": before, "after": after}
    assert rules.due([event, {"kind": "summarised", "before": {}, "after": {}}]) == because


def test_a_model_that_turns_preceded_by_into_a_cause_is_dropped() -> None:
    facts = rules.facts(incident(OUTAGE), OUTAGE, [])
    passages = [Passage(str(number), fact.text) for number, fact in enumerate(facts)]
    invented = Sentence("The deploy of checkout v2.19 caused the high p99 latency.", ("2",))
    told = Sentence("The high p99 latency was preceded by the deploy of checkout v2.19 at 11:58 UTC.", ("2",))
    assert verified([invented, told], passages) == ([told], [invented])
