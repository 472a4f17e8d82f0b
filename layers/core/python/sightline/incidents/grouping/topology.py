"""The service map: how two services stand to each other."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from sightline.incidents.grouping.names import service_of

Relation = Literal["same", "calls", "via", "siblings", "apart", "unknown"]


@dataclass(frozen=True, slots=True, eq=False)
class Topology:
    """Who depends on whom. known: every service that the map names."""

    below: Mapping[str, frozenset[str]]
    above: Mapping[str, frozenset[str]]
    known: frozenset[str]

    def between(self, ones: Collection[str], others: Collection[str]) -> tuple[Relation, str]:
        """How the services of two alerts stand to each other, the closest way, and that in words."""
        if shared := set(ones) & set(others):
            return "same", f"service {min(shared)}"
        if found := self._calls(ones, others) or self._calls(others, ones):
            return "calls", found
        if found := self._via(ones, others) or self._via(others, ones):
            return "via", found
        if shared := self._below(ones) & self._below(others):
            return "siblings", f"both depend on {min(shared)}"
        mapped = self.known.intersection(ones) and self.known.intersection(others)
        return ("apart" if mapped else "unknown"), ""

    def near(self, services: Iterable[str]) -> set[str]:
        """These and all that stand in some relation to them."""
        start = set(services)
        below, above = self._below(start), self._above(start)
        return start | below | above | self._below(below) | self._above(above) | self._above(below)

    def depends(self, ones: Collection[str], others: Collection[str]) -> bool:
        """Whether one of these calls one of the others."""
        return not self._below(ones).isdisjoint(others)

    def _calls(self, ones: Collection[str], others: Collection[str]) -> str:
        pairs = [(one, other) for one in ones for other in self._below([one]).intersection(others)]
        return "{} depends on {}".format(*min(pairs)) if pairs else ""

    def _via(self, ones: Collection[str], others: Collection[str]) -> str:
        ways = [(one, self._below([one]) & self._above(others)) for one in sorted(ones)]
        return next((f"{one} depends on it by {min(between)}" for one, between in ways if between), "")

    def _below(self, services: Iterable[str]) -> set[str]:
        return {other for one in services for other in self.below.get(one, ())}

    def _above(self, services: Iterable[str]) -> set[str]:
        return {other for one in services for other in self.above.get(one, ())}


def calls_of(services: Mapping[str, Iterable[str]]) -> tuple[tuple[str, str], ...]:
    """Who depends on whom, by the names that alerts are compared by, without what no alert could be of."""
    pairs = {(service_of(one), service_of(other)) for one, others in services.items() for other in others}
    return tuple(sorted((one, other) for one, other in pairs if one and other and one != other))


@lru_cache(maxsize=8)
def topology_of(calls: tuple[tuple[str, str], ...]) -> Topology:
    """calls: who depends on whom."""
    below: dict[str, set[str]] = {}
    above: dict[str, set[str]] = {}
    for one, other in calls:
        below.setdefault(one, set()).add(other)
        above.setdefault(other, set()).add(one)
    return Topology(
        below={name: frozenset(others) for name, others in below.items()},
        above={name: frozenset(others) for name, others in above.items()},
        known=frozenset(below) | frozenset(above),
    )
