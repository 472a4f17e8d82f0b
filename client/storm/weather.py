"""A storm: outages that overlap, noise that does not belong, and a network that repeats and reorders."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from client.storm.estate import Estate, estate_of
from client.storm.families import Family, Noise, family
from client.storm.outages import Outage, life, tell
from client.storm.shapes import StormAlert, Told
from client.storm.vendors import PAYLOADS

BEGAN = datetime(2026, 11, 2, 13, 0, tzinfo=UTC)
APART_S = 3600.0
"""Two outages of one service are two incidents only when this much lies between them."""
AT_ONCE = 0.4
REPEATED, DELAYED = 0.08, 0.05


def storm(
    seed: int,
    *,
    of: Family | None = None,
    began: datetime = BEGAN,
    hours: float = 4.0,
    outages: int = 6,
    noise_an_hour: float = 8.0,
) -> list[StormAlert]:
    """Deliveries in the order of their arrival, of several outages and of nothing."""
    rng = random.Random(seed)
    chosen = of or family()
    estate = estate_of(chosen, rng)
    said = [
        told for outage in _schedule(estate, outages, hours * 3600, rng) for told in tell(outage, estate, rng)
    ]
    said += _noise(estate, round(noise_an_hour * hours), hours * 3600, rng)
    said.sort(key=lambda told: (told.at_s, told.monitor.name))
    return sorted(_delivered(said, began, rng), key=lambda one: one.at_s)


def _schedule(estate: Estate, count: int, length_s: float, rng: random.Random) -> list[Outage]:
    """Several at once, but no service in two of them without an hour between."""
    placed: list[Outage] = []
    for _ in range(count * 40):
        if len(placed) == count:
            break
        outage = _outage(estate, placed, length_s, rng)
        if all(_apart(outage, other, estate) for other in placed):
            placed.append(outage)
    return placed


def _outage(estate: Estate, placed: list[Outage], length_s: float, rng: random.Random) -> Outage:
    name = rng.choice(sorted(estate.family.kinds))
    kind = estate.family.kinds[name]
    lasts_s = rng.uniform(*kind.lasts_s)
    began_s = rng.uniform(0, max(0.0, length_s - lasts_s))
    if placed and rng.random() < AT_ONCE:
        began_s = max(0.0, rng.choice(placed).began_s + rng.uniform(-300, 600))
    root = rng.choice(kind.roots) if kind.roots else ""
    node = rng.choice(estate.nodes)
    by_node = any(symptom.of == "node" for symptom in kind.symptoms)
    there = estate.on(node) if by_node else sorted(set(estate.family.services) - {root})
    some = rng.sample(there, min(len(there), rng.randint(*kind.reach)))
    zone = rng.choice(estate.family.zones)
    truth = f"{name} {root or (node if by_node else zone)} {len(placed)}"
    return Outage(truth, kind, root, node, zone, tuple(some), began_s, began_s + lasts_s)


def _apart(one: Outage, other: Outage, estate: Estate) -> bool:
    """Whether nobody could take the two for one."""
    gap_s = max(one.began_s - other.ended_s, other.began_s - one.ended_s)
    same = one.kind is other.kind and not one.root
    return gap_s >= APART_S or not (same or one.services(estate) & other.services(estate))


def _noise(estate: Estate, count: int, length_s: float, rng: random.Random) -> Iterator[Told]:
    for _ in range(count):
        about = rng.choice(estate.family.noise)
        began_s = rng.uniform(0, length_s)
        vendor = rng.choice(sorted(about.says))
        service = rng.choice(sorted(estate.family.services))
        monitor = estate.monitor(
            vendor,
            about.says[vendor],
            severity=about.severity,
            carries=about.carries,
            service=service,
            hosts=estate.some_hosts(service, 1, rng),
            environment=_environment(about, rng),
        )
        yield from life(monitor, began_s, began_s + rng.uniform(120, 3600), None, rng)


def _environment(about: Noise, rng: random.Random) -> str:
    if about.environment != "any":
        return about.environment
    return "staging" if rng.random() < 0.3 else "production"


def _delivered(said: list[Told], began: datetime, rng: random.Random) -> Iterator[StormAlert]:
    """Each as a delivery: a little later, some much later, some twice."""
    for told in said:
        late_s = rng.uniform(20, 120) if rng.random() < DELAYED else rng.uniform(0.2, 4)
        one = _delivery(told, began, told.at_s + late_s, UUID(int=rng.getrandbits(128), version=4))
        yield one
        if rng.random() < REPEATED:
            yield replace(one, at_s=one.at_s + rng.uniform(1, 60))


def _delivery(told: Told, began: datetime, at_s: float, name: UUID) -> StormAlert:
    vendor = told.monitor.vendor
    headers = {}
    if vendor == "sentry":
        headers = {
            "Request-ID": name.hex,
            "Sentry-Hook-Resource": "event_alert" if told.state == "again" else "issue",
            "Sentry-Hook-Timestamp": str(int((began + timedelta(seconds=at_s)).timestamp())),
        }
    return StormAlert(
        vendor=vendor,
        at_s=at_s,
        payload=PAYLOADS[vendor](told, began),
        delivery=str(name),
        monitor=told.monitor.name,
        truth=told.truth,
        recovers=told.state == "recovers",
        headers=headers,
    )
