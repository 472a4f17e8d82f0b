"""When a summary is due, and the facts it is written from: counted and compared, never guessed. Pure.

One thing is said to have preceded another, by their times; never to have caused it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from sightline.database import Row
from sightline.incidents.schemas import Severity
from sightline.incidents.summaries.schemas import Fact
from sightline.incidents.summaries.wording import (
    MAX_LISTED,
    called,
    clock,
    counted,
    distinct,
    joined,
    listed,
    plain,
    quoted,
    span,
)

DUE = frozenset({"opened", "reopened", "alerts_reached", "resolved", "merged"})
"""Kinds of change after which one is due; a severity only where it rises."""
GRAVEST_FIRST: Sequence[Severity] = get_args(Severity)
OFTEN = 5
"""Times that an alert came before it is said to come often."""
FLAPPING = 3
"""Times that an alert fired and recovered before it is said to flap."""


def due(events: Iterable[Row]) -> str | None:
    """The last change among these that calls for a summary."""
    return next((event["kind"] for event in reversed(list(events)) if _calls(event)), None)


def _calls(event: Row) -> bool:
    if event["kind"] == "severity_changed":
        return GRAVEST_FIRST.index(event["after"]["severity"]) < GRAVEST_FIRST.index(
            event["before"]["severity"]
        )
    if event["kind"] == "status_changed":
        return bool(event["after"].get("status") == "resolved")
    return event["kind"] in DUE


def facts(incident: Row, alerts: Sequence[Row], changes: Sequence[Row]) -> list[Fact]:
    """What is known of an incident, the most telling first. changes: deployments of its services before."""
    if not alerts:
        return []
    alerts = sorted(alerts, key=lambda alert: (alert["occurred_at"], str(alert["id"])))
    found = [
        *_extent(incident, alerts),
        *_state(incident, alerts),
        *_change(alerts, changes),
        *_beginning(alerts),
        *_gravest(alerts),
        *_order(alerts),
        *_restless(alerts),
        *_named(alerts),
    ]
    return [Fact(text, tuple(alert["id"] for alert in rests_on)) for text, rests_on in found]


Found = Iterator[tuple[str, Sequence[Row]]]


def _extent(incident: Row, alerts: Sequence[Row]) -> Found:
    services = distinct(alert["service"] for alert in alerts)
    is_ = "was" if incident["status"] == "resolved" else "is"
    of, count = f" of {listed(services)}" if services else "", incident["alert_count"]
    where = f" in {plain(incident['environment'])}" if incident["environment"] else ""
    senders = listed(distinct(alert["platform"] for alert in alerts))
    since = f"{clock(alerts[0]['occurred_at'])} on {alerts[0]['occurred_at']:%-d %B %Y}"
    yield (
        f"INC-{incident['number']} {is_} {incident['severity']}: {counted(count, 'alert')}{of}{where}"
        f" since {since}, from {senders}.",
        alerts,
    )


def _state(incident: Row, alerts: Sequence[Row]) -> Found:
    firing = [alert for alert in alerts if alert["status"] == "firing"]
    count = incident["alert_count"]
    if firing:
        last = max(alerts, key=lambda alert: alert["occurred_at"])
        still = "It still fires" if count == 1 else f"{incident['firing_count']} of {count} alerts still fire"
        newest = f"; the newest alert began at {clock(last['occurred_at'])}" if len(alerts) > 1 else ""
        yield f"{still}{newest}.", firing
        return
    over = max(alerts, key=lambda alert: alert["recovered_at"])
    whole = "It has recovered" if count == 1 else f"All {count} alerts have recovered"
    took = span(over["recovered_at"] - alerts[0]["occurred_at"])
    yield f"{whole}, the last at {clock(over['recovered_at'])}, {took} after the first began.", alerts


def _change(alerts: Sequence[Row], changes: Sequence[Row]) -> Found:
    """A deployment before the first alert that is none."""
    first = next((alert for alert in alerts if alert["category"] != "deployment"), None)
    if first is None:
        return
    own = [alert for alert in alerts if alert["category"] == "deployment"]
    before = [one for one in [*own, *changes] if one["occurred_at"] <= first["occurred_at"]]
    if not before:
        return
    last = max(before, key=lambda alert: (alert["occurred_at"], str(alert["id"])))
    apart = span(first["occurred_at"] - last["occurred_at"])
    yield (
        f"It was preceded by a change: {called(last)} at {clock(last['occurred_at'])}, {apart} before"
        f" {quoted(first)}.",
        [last, first],
    )


def _beginning(alerts: Sequence[Row]) -> Found:
    if len(alerts) > 1 and alerts[0]["category"] != "deployment":
        yield f"The first alert was {called(alerts[0])} at {clock(alerts[0]['occurred_at'])}.", alerts[:1]


def _gravest(alerts: Sequence[Row]) -> Found:
    """Where it is not the first anyway."""
    gravest = min(alerts, key=lambda alert: GRAVEST_FIRST.index(alert["severity"]))
    if gravest["id"] != alerts[0]["id"]:
        since = clock(gravest["occurred_at"])
        yield f"The gravest is {called(gravest)}, {gravest['severity']} since {since}.", [gravest]


def _order(alerts: Sequence[Row]) -> Found:
    """Which service followed which."""
    first: dict[str, Row] = {}
    for alert in alerts:
        if alert["service"]:
            first.setdefault(alert["service"], alert)
    shown = list(first.items())[: MAX_LISTED + 1]
    if len(shown) > 1:
        (leader, at), *rest = ((name, clock(alert["occurred_at"])) for name, alert in shown)
        followed = ", ".join(f"{name} at {moment}" for name, moment in rest)
        yield (
            f"By service, {leader} came first at {at}; then {followed}.",
            [alert for _, alert in shown],
        )


def _restless(alerts: Sequence[Row]) -> Found:
    """What comes again and again."""
    episodes = Counter((alert["source_id"], alert["external_id"]) for alert in alerts)
    name, times = episodes.most_common(1)[0]
    if times >= FLAPPING:
        same = [alert for alert in alerts if (alert["source_id"], alert["external_id"]) == name]
        yield f"{called(same[0])} flaps: it began {times} times.", same
    loudest = max(alerts, key=lambda alert: alert["occurrences"])
    if loudest["occurrences"] >= OFTEN:
        yield f"{called(loudest)} was sent {loudest['occurrences']} times.", [loudest]


def _named(alerts: Sequence[Row]) -> Found:
    """What several alerts name, but for services, which were said."""
    seen: dict[tuple[str, str], list[Row]] = {}
    for alert in alerts:
        named = {(one["label"], one["text"]) for one in alert["entities"]} | {("host", alert["host"] or "")}
        for label, text in named:
            if text and label in ("host", "error_code", "resource"):
                seen.setdefault((label, text), []).append(alert)
    often = sorted(((-len(rows), key) for key, rows in seen.items() if len(rows) > 1))[:MAX_LISTED]
    if often:
        said = [
            f"{label.replace('_', ' ')} {plain(text)} in {-count} alerts" for count, (label, text) in often
        ]
        rests_on = {alert["id"]: alert for _, key in often for alert in seen[key]}
        yield f"Several alerts name the same: {joined(said)}.", list(rests_on.values())


def text_of(sentences: Iterable[Mapping[str, Any]]) -> str:
    """As one paragraph."""
    return " ".join(sentence["text"] for sentence in sentences)
