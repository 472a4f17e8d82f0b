"""One outage: whom it befalls, and what the tools say about it from its beginning to its end."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from client.storm.estate import Estate
from client.storm.families import Kind, Symptom
from client.storm.shapes import Monitor, Told, Vendor

TOLD_BY_ANOTHER_TOO = 0.35
FLAPS = 0.25
SENTRY_IS_RESOLVED = 0.3
"""Somebody has to click; the other tools notice by themselves."""
REPEATS_AFTER_S = 600.0
"""How often a tool says again that an alert goes on."""


@dataclass(frozen=True, slots=True)
class Outage:
    """When and where. root: a service; node and zone: where there is none. some: whom else it befalls."""

    name: str
    kind: Kind
    root: str
    node: str
    zone: str
    some: tuple[str, ...]
    began_s: float
    ended_s: float

    def services(self, estate: Estate) -> set[str]:
        """All whose alerts may tell of it."""
        return {name for symptom in self.kind.symptoms for name in _places(self, symptom, estate) if name}


def _places(outage: Outage, symptom: Symptom, estate: Estate) -> Sequence[str]:
    """The services that a symptom shows at; an empty name is none."""
    callers = estate.family.callers(outage.root)
    match symptom.of:
        case "root":
            return [outage.root]
        case "callers":
            return callers
        case "far_callers":
            far = {name for caller in callers for name in estate.family.callers(caller)}
            return sorted(far - {*callers, outage.root})
        case "some" | "neighbours":
            return outage.some
        case _:
            return [""]


def tell(outage: Outage, estate: Estate, rng: random.Random) -> Iterator[Told]:
    """Everything that is said about it, in no order."""
    for symptom in outage.kind.symptoms:
        for service in _places(outage, symptom, estate):
            if rng.random() < symptom.chance:
                yield from _symptom(outage, symptom, service, estate, rng)


def _symptom(
    outage: Outage, symptom: Symptom, service: str, estate: Estate, rng: random.Random
) -> Iterator[Told]:
    began_s = outage.began_s + rng.uniform(*symptom.after_s)
    ended_s = outage.ended_s + rng.uniform(-60, 240)
    hosts = (outage.node,) if symptom.of in ("node", "neighbours") else estate.some_hosts(
        service, symptom.hosts, rng)  # fmt: skip
    first = rng.choice(sorted(symptom.says))
    others = [name for name in sorted(symptom.says) if name != first and rng.random() < TOLD_BY_ANOTHER_TOO]
    for vendor in (first, *others):
        monitor = estate.monitor(
            vendor,
            symptom.says[vendor],
            severity=symptom.severity,
            carries=symptom.carries,
            service=service,
            hosts=hosts,
            values={"root": outage.root, "zone": outage.zone},
        )
        starts_s = began_s if vendor == first else began_s + rng.uniform(5, 120)
        yield from life(monitor, starts_s, ended_s, outage.name, rng)


def life(
    monitor: Monitor, began_s: float, ended_s: float, truth: str | None, rng: random.Random
) -> Iterator[Told]:
    """A monitor from its first word to its last; one that flaps says both several times."""
    if ended_s - began_s < 30:
        return
    for start_s, end_s in _stretches(began_s, ended_s, rng, flaps=rng.random() < FLAPS):
        yield Told(monitor, start_s, start_s, "fires", truth)
        again_s = start_s + REPEATS_AFTER_S
        while again_s < end_s:
            yield Told(monitor, again_s, start_s, "again", truth)
            again_s += REPEATS_AFTER_S
        if _is_ended(monitor.vendor, rng):
            yield Told(monitor, end_s, start_s, "recovers", truth)


def _is_ended(vendor: Vendor, rng: random.Random) -> bool:
    return vendor != "sentry" or rng.random() < SENTRY_IS_RESOLVED


def _stretches(
    began_s: float, ended_s: float, rng: random.Random, *, flaps: bool
) -> Iterator[tuple[float, float]]:
    """When it fires: once, or with pauses of one to four minutes."""
    cuts = [began_s]
    while flaps and len(cuts) < 7 and cuts[-1] + 540 < ended_s:
        cuts.append(cuts[-1] + rng.uniform(60, 240))
    if len(cuts) % 2 == 0:
        cuts.pop()
    cuts.append(ended_s)
    yield from list(pairwise(cuts))[::2]
