"""How much speaks for two alerts being of one outage: what they name and say, how far apart they began.

A logistic model of few features. Its weights are learned by `python -m benchmarks.kinship` on storms of
several companies (client/storm), which also shows what they are worth on a company they were not learned on.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from sightline.incidents.grouping.names import Named, rule_of
from sightline.incidents.grouping.rules import apart, rank
from sightline.incidents.grouping.topology import Relation, Topology

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

HEARD, COMPARED = 2048, 65_536
"""Alerts and pairs that a process remembers: a storm is decided about again with each alert of it."""

WEIGHTS: Mapping[str, float] = {
    "every pair": -0.41, "same service": 3.11, "calls": 2.07, "calls via": 1.28, "siblings": 1.07,
    "unmapped": 0.69, "same host": 2.52, "same zone": 3.59, "mention": 1.63, "same category": 0.85,
    "same rule elsewhere": -2.19, "minor": -4.95, "similar": 4.05, "similar, unrelated": 3.76,
    "ten minutes": -4.54, "ten minutes, same service": -1.76, "ten minutes, unrelated": -0.73,
}  # fmt: skip
"""Natural logarithms of odds, added up."""


@dataclass(frozen=True, eq=False)
class Voice:
    """An alert as it is compared; the same while it says the same, so that no pair is compared twice."""

    alert_id: UUID
    at: datetime
    named: Named
    rule: str
    category: str
    minor: bool
    vector: NDArray[np.float32] | None = field(repr=False)
    said: "Said" = field(repr=False)

    @property
    def _identity(self) -> tuple[Any, ...]:
        """All that evidence is read from: a later delivery may say it otherwise."""
        return self.alert_id, self.at, self.category, self.minor, self.vector is None, self.said

    def __hash__(self) -> int:
        return hash((self.alert_id, self.at))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Voice) and self._identity == other._identity


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for two alerts being of one outage, in log odds and in words."""

    points: float
    because: tuple[str, ...]


def voice_of(alert: Mapping[str, Any], topology: Topology) -> Voice:
    """alert: its row."""
    vector, said = alert["vector"], _said_of(alert)
    return Voice(
        alert_id=alert["id"],
        at=alert["occurred_at"],
        named=_named(said, topology.known),
        rule=_rule(said),
        category=alert["category"],
        minor=rank(alert["severity"]) >= rank("low"),
        vector=None if vector is None else np.asarray(vector.to_numpy(), dtype=np.float32),
        said=said,
    )


Said = tuple[tuple[str, Any], ...]


def _said_of(alert: Mapping[str, Any]) -> Said:
    """What names are read from: it is the same each time that the alert is compared."""
    entities = tuple(tuple(sorted(one.items())) for one in alert["entities"])
    fields = ("title", "description", "service", "host", "environment")
    return *((name, alert[name]) for name in fields), ("entities", entities)


def _alert(said: Said) -> dict[str, Any]:
    alert = dict(said)
    return alert | {"entities": [dict(one) for one in alert["entities"]]}


@lru_cache(maxsize=HEARD)
def _named(said: Said, known: frozenset[str]) -> Named:
    return Named(_alert(said), known)


@lru_cache(maxsize=HEARD)
def _rule(said: Said) -> str:
    return rule_of(_alert(said))


def keys_of(voice: Voice) -> list[str]:
    """What others find it by; the first is all that is of its environment."""
    named = voice.named
    said = {f"service:{name}" for name in named.services | named.mentioned}
    said |= {f"host:{name}" for name in named.hosts} | {f"zone:{name}" for name in named.zones}
    return [f"{named.environment}/{key}"[:300] for key in ["", *sorted(said)]]


def asks_of(voice: Voice, topology: Topology) -> list[str]:
    """Keys of others that share something with it."""
    near = topology.near(voice.named.services) | voice.named.mentioned
    said = [f"{voice.named.environment}/service:{name}"[:300] for name in sorted(near)]
    return sorted({*said, *keys_of(voice)[1:]})


@lru_cache(maxsize=COMPARED)
def evidence(one: Voice, other: Voice, topology: Topology) -> Evidence:
    """Both ways the same."""
    values, because = compared(one, other, topology)
    points = sum(WEIGHTS[name] * value for name, value in values.items())
    return Evidence(points=max(-MOST, min(MOST, points)), because=because)


def compared(one: Voice, other: Voice, topology: Topology) -> tuple[dict[str, float], tuple[str, ...]]:
    """What the weights are multiplied with, and in words what the two have in common."""
    relation, words = topology.between(one.named.services, other.named.services)
    shared = _shared(one.named, other.named)
    related = relation in RELATED or bool(shared)
    similar = similarity(one, other)
    apart_s = abs((one.at - other.at).total_seconds())
    values = _values(one, other, relation, shared) | _timed(relation, apart_s)
    values |= _said(relation, BLIND * related if similar is None else similar)
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


def _values(one: Voice, other: Voice, relation: Relation, shared: Collection[str]) -> dict[str, float]:
    """What is so or is not."""
    values = {"every pair": 1.0, **dict.fromkeys(shared, 1.0)}
    if relation in _RELATIONS:
        values[_RELATIONS[relation]] = 1.0
    values["minor"] = float(one.minor or other.minor)
    values["same category"] = float(one.category == other.category)
    values["same rule elsewhere"] = float(relation != "same" and one.rule == other.rule)
    return values


def _said(relation: Relation, similar: float) -> dict[str, float]:
    """By their vectors."""
    if relation in RELATED:
        return {"similar": similar}
    return {"similar": similar, "similar, unrelated": similar - USUAL}


def _timed(relation: Relation, apart_s: float) -> dict[str, float]:
    tens = apart_s / 600
    values = {"ten minutes": tens}
    if relation == "same":
        values["ten minutes, same service"] = tens
    elif relation not in RELATED:
        values["ten minutes, unrelated"] = tens
    return values
