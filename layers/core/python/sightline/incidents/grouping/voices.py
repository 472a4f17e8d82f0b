"""An alert as it is compared with others: what it names and says, and what others find it by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import numpy as np

from sightline.incidents.grouping import learned
from sightline.incidents.grouping.learned import Floats
from sightline.incidents.grouping.names import Named, rule_of
from sightline.incidents.grouping.rules import rank
from sightline.incidents.grouping.topology import Topology

HEARD = 2048
"""Alerts that a process remembers: a storm is decided about again with each alert of it."""


@dataclass(frozen=True, eq=False)
class Voice:
    """An alert as it is compared; the same while it says the same, so that no pair is compared twice.

    routine: how much it reads like housekeeping.
    """

    alert_id: UUID
    at: datetime
    named: Named
    rule: str
    category: str
    minor: bool
    routine: float
    vector: Floats | None = field(repr=False)
    said: "Said" = field(repr=False)

    @property
    def _identity(self) -> tuple[Any, ...]:
        """All that evidence is read from: a later delivery may say it otherwise."""
        return self.alert_id, self.at, self.category, self.minor, self.vector is None, self.said

    def __hash__(self) -> int:
        return hash((self.alert_id, self.at))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Voice) and self._identity == other._identity


def voice_of(alert: Mapping[str, Any], topology: Topology) -> Voice:
    """alert: its row."""
    said, stored = _said_of(alert), alert["vector"]
    vector = None if stored is None else np.asarray(stored.to_numpy(), dtype=np.float32)
    return Voice(
        alert_id=alert["id"],
        at=alert["occurred_at"],
        named=_named(said, topology.known),
        rule=_rule(said),
        category=alert["category"],
        minor=rank(alert["severity"]) >= rank("low"),
        routine=learned.LEARNED.routine_of(vector),
        vector=vector,
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
