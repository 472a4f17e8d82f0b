"""Which alerts belong together, and what becomes of an incident: pure decisions.

Belonging is a matter of two alerts alone, so that the order in which they arrive cannot change it: an
incident is a connected set of linked alerts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, get_args

from sightline.incidents.grouping.schemas import Facts, IncidentStatus, Settings
from sightline.incidents.schemas import Severity

WINDOW_S = 1200
"""Alerts that began further apart than this are never compared, except under the same name."""
LINKED_AT = 0.6
"""Points from which two alerts are linked."""
SAME_SERVICE, SAME_HOST, SAME_THING, NEIGHBOUR = 0.5, 0.4, 0.3, 0.3
"""Points for what they share; of several the best counts, and each further one a part."""
FURTHER = 0.3
SIMILAR = 0.5
"""Points for vectors that are the same; NEUTRAL stands in where one has none."""
NEUTRAL = 0.4
FADES_S = 1800
"""Seconds after which a whole point is lost."""
SURE = 0.7
"""Confidence from which what an alert's words name counts."""
THINGS = ("host", "resource")
"""Labels of named entities that are somebody's own, unlike error codes and metrics."""
STEPS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
"""Numbers of alerts that people are told of."""
SEVERITIES: Sequence[Severity] = get_args(Severity)

_ENVIRONMENTS: Mapping[str, str] = {
    "": "production", "prod": "production", "prd": "production", "live": "production",
    "stage": "staging", "stg": "staging", "development": "dev", "testing": "test",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Relation:
    """What one alert has to do with another. shared: keys; neighbours: keys of what it stands on."""

    shared: frozenset[str]
    neighbours: frozenset[str]
    similarity: float | None
    apart_s: float


@dataclass(frozen=True, slots=True)
class Link:
    """Why two alerts belong together."""

    score: float
    because: tuple[str, ...]


def environment_of(name: str | None) -> str:
    """One word for the ways to write it; nothing said is production."""
    said = (name or "").strip().casefold()
    return _ENVIRONMENTS.get(said, said)


def keys_of(alert: Mapping[str, Any]) -> list[str]:
    """What it can be linked by. Two alerts of different environments share none."""
    things = {("service", alert["service"]), ("host", alert["host"])} | {
        (one["label"] if one["label"] == "host" else "thing", one["text"])
        for one in alert["entities"]
        if one["label"] in THINGS and one["confidence"] >= SURE
    }
    return sorted(key_of(alert["environment"], label, text) for label, text in things if text)


def key_of(environment: str | None, label: str, text: str) -> str:
    """`production/service:checkout`."""
    return f"{environment_of(environment)}/{label}:{text.strip().casefold()}"[:300]


def moment_of(at: datetime) -> datetime:
    """To the minute: an alert that repeats every second is found by no more than one moment of each."""
    return at.replace(second=0, microsecond=0)


def link(relation: Relation) -> Link | None:
    """Whether two alerts belong together, and why."""
    evidence = sorted(_evidence(relation), key=lambda found: (-found[0], found[1]))
    if not evidence:
        return None
    shared = evidence[0][0] + FURTHER * sum(points for points, _ in evidence[1:])
    similar = NEUTRAL if relation.similarity is None else relation.similarity
    score = shared + SIMILAR * similar - relation.apart_s / FADES_S
    if score < LINKED_AT:
        return None
    words = [said for _, said in evidence]
    if relation.similarity is not None:
        words.append(f"{relation.similarity:.2f} similar")
    return Link(round(score, 3), (*words, apart(relation.apart_s)))


def _evidence(relation: Relation) -> Iterable[tuple[float, str]]:
    points = {"service": SAME_SERVICE, "host": SAME_HOST, "thing": SAME_THING}
    for key in relation.shared:
        label, _, text = key.partition("/")[2].partition(":")
        yield points[label], text if label == "thing" else f"{label} {text}"
    for key in relation.neighbours:
        yield NEIGHBOUR, f"next to service {key.partition(':')[2]}"


def apart(seconds: float) -> str:
    """4 min apart."""
    return f"{seconds:.0f} s apart" if seconds < 90 else f"{seconds / 60:.0f} min apart"


def rank(severity: str) -> int:
    """0 is the gravest."""
    return SEVERITIES.index(severity)


def enough(facts: Facts, settings: Settings) -> bool:
    """Whether an incident is worth telling of."""
    if facts.loud >= settings.alerts_needed:
        return True
    at_once, gravest = settings.opens_at_once, facts.loud_severity
    return at_once is not None and gravest is not None and rank(gravest) <= rank(at_once)


def resolves_at(facts: Facts, settings: Settings) -> datetime | None:
    """When it resolves by itself, if nothing fires until then."""
    if facts.firing or not settings.auto_resolve or facts.quiet_since is None:
        return None
    return facts.quiet_since + timedelta(seconds=settings.resolve_after_s)


def status_of(
    status: IncidentStatus, resolved_at: datetime | None, *, by_person: bool, facts: Facts
) -> IncidentStatus:
    """Whether what was resolved goes on: a person's word stands until something new fires."""
    if status != "resolved" or facts.loud_since is None:
        return status
    again = not by_person or resolved_at is None or facts.loud_since > resolved_at
    return "open" if again else status


def step_of(alerts: int) -> int:
    """The largest number that was reached; 0 for none."""
    return max((step for step in STEPS if step <= alerts), default=0)
