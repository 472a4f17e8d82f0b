"""How much speaks for two alerts being of one outage: what they name and say, how far apart they began.

A logistic model of few features. Its weights are learned by `python -m benchmarks.kinship` on storms of
several companies (client/storm), which also shows what they are worth on a company they were not learned on.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from sightline.incidents.grouping import learned
from sightline.incidents.grouping.names import Named
from sightline.incidents.grouping.rules import apart
from sightline.incidents.grouping.topology import Relation, Topology
from sightline.incidents.grouping.voices import Voice

WINDOW_S = 1800
"""Alerts that began further apart are never compared, except under the same name."""
AGAINST = -4.0
"""What counts for two that are not compared: about one in fifty."""
MOST = 8.0
"""No pair counts more than this, for or against."""
BLIND = 0.45
"""The similarity of two that share something and of which one has no vector; of others it is 0."""
USUAL = 0.4
"""The similarity from which words speak for two that share nothing."""

SOON_S, AT_ONCE_S = 120, 300
"""Until when each second counts; until when the same rule at another service speaks for one cause."""
COMPARED = 65_536
"""Pairs that a process remembers."""

FEATURES = (
    "every pair", "same service", "calls", "calls via", "siblings", "unmapped", "caller first",
    "no service", "neither has a service", "same host", "same zone", "mention", "same category",
    "same rule elsewhere", "same rule at once", "minor", "users feel one", "users feel both",
    "routine", "both routine", "similar", "similar, unrelated", "two minutes", "ten minutes",
    "ten minutes, same service", "ten minutes, unrelated",
)  # fmt: skip
"""What is weighed; the weights are in learned.json."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for two alerts being of one outage, in log odds and in words."""

    points: float
    because: tuple[str, ...]


@lru_cache(maxsize=COMPARED)
def evidence(one: Voice, other: Voice, topology: Topology) -> Evidence:
    """Both ways the same."""
    values, because = compared(one, other, topology)
    weights = learned.LEARNED.pairs
    points = sum(weights[name] * value for name, value in values.items())
    return Evidence(points=max(-MOST, min(MOST, points)), because=because)


def compared(one: Voice, other: Voice, topology: Topology) -> tuple[dict[str, float], tuple[str, ...]]:
    """What the weights are multiplied with, and in words what the two have in common."""
    relation, words = topology.between(one.named.services, other.named.services)
    shared = _shared(one.named, other.named)
    related = relation in RELATED or bool(shared)
    similar = similarity(one, other)
    apart_s = abs((one.at - other.at).total_seconds())
    values = {"every pair": 1.0, **dict.fromkeys(shared, 1.0)}
    values |= _placed(one, other, relation, topology) | _alike(one, other, relation, apart_s)
    values |= _said(relation, BLIND * related if similar is None else similar) | _timed(relation, apart_s)
    because = [words, *(shared[name] for name in sorted(shared))]
    because += [] if similar is None else [f"{similar:.2f} similar"]
    return values, (*filter(None, because), apart(apart_s))


RELATED: Collection[Relation] = frozenset({"same", "calls", "via", "siblings"})
_RELATIONS: Mapping[Relation, str] = {
    "same": "same service", "calls": "calls", "via": "calls via", "siblings": "siblings",
    "unknown": "unmapped",
}  # fmt: skip


def similarity(one: Voice, other: Voice) -> float | None:
    """Of what they say; None where no model saw both."""
    if one.vector is None or other.vector is None:
        return None
    return float(one.vector @ other.vector)


def _shared(here: Named, there: Named) -> dict[str, str]:
    """What both name, by the feature that it is."""
    found = {}
    if hosts := here.hosts & there.hosts:
        found["same host"] = f"host {min(hosts)}"
    if zones := here.zones & there.zones:
        found["same zone"] = f"zone {min(zones)}"
    if named := (here.mentioned & there.services) | (there.mentioned & here.services):
        found["mention"] = f"one names {min(named)}"
    return found


def _placed(one: Voice, other: Voice, relation: Relation, topology: Topology) -> dict[str, float]:
    """How their services stand to each other."""
    values = {_RELATIONS[relation]: 1.0} if relation in _RELATIONS else {}
    if relation == "calls" and one.at != other.at:
        first, later = sorted((one, other), key=lambda voice: voice.at)
        values["caller first"] = float(topology.depends(first.named.services, later.named.services))
    without = [not voice.named.services for voice in (one, other)]
    return values | {"no service": float(any(without)), "neither has a service": float(all(without))}


def _alike(one: Voice, other: Voice, relation: Relation, apart_s: float) -> dict[str, float]:
    """What kind of alert the two are."""
    elsewhere = float(relation != "same" and one.rule == other.rule)
    felt = [voice.named.symptom for voice in (one, other)]
    return {
        "minor": float(one.minor or other.minor),
        "same category": float(one.category == other.category),
        "same rule elsewhere": elsewhere,
        "same rule at once": elsewhere * max(0.0, 1 - apart_s / AT_ONCE_S),
        "users feel one": float(any(felt)),
        "users feel both": float(all(felt)),
        "routine": max(one.routine, other.routine),
        "both routine": min(one.routine, other.routine),
    }


def _said(relation: Relation, similar: float) -> dict[str, float]:
    """By their vectors."""
    if relation in RELATED:
        return {"similar": similar}
    return {"similar": similar, "similar, unrelated": similar - USUAL}


def _timed(relation: Relation, apart_s: float) -> dict[str, float]:
    tens = apart_s / 600
    values = {"two minutes": min(1.0, apart_s / SOON_S), "ten minutes": tens}
    if relation == "same":
        values["ten minutes, same service"] = tens
    elif relation not in RELATED:
        values["ten minutes, unrelated"] = tens
    return values
